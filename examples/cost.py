"""Tells what a search costs: `lth-cost`, from a checkout.

    python examples/cost.py --flagfile=vgg19

--help shows every flag. The program itself is `lth_keras.programs.cost`.
"""

import os
import sys

# A checkout's own package, whether or not one is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lth_keras.programs import cost  # noqa: E402

if __name__ == "__main__":
    sys.exit(cost.program())
