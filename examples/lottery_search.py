"""Finds lottery tickets in the papers' networks: `lth-search`, from a checkout.

    python examples/lottery_search.py
    python examples/lottery_search.py --dataset=mnist --iterations=10000 --levels=16

--help shows every flag. The program itself is `lth_keras.programs.lottery_search`.
"""

import os
import sys

# A checkout's own package, whether or not one is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lth_keras.programs import lottery_search  # noqa: E402

if __name__ == "__main__":
    sys.exit(lottery_search.program())
