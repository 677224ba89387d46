"""Measures the stability of a finished search: `lth-stability`, from a checkout.

    python examples/stability.py RUN_DIR --rewind_to=0it,100it --levels=0,7

--help shows every flag. The program itself is `lth_keras.programs.stability`.
"""

import os
import sys

# A checkout's own package, whether or not one is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lth_keras.programs import stability  # noqa: E402

if __name__ == "__main__":
    sys.exit(stability.program())
