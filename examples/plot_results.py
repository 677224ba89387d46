"""Draws the figures of finished searches: `lth-plot`, from a checkout.

    python examples/plot_results.py RUN_DIR --kinds=curves

--help shows every flag. The program itself is `lth_keras.programs.plot_results`.
"""

import os
import sys

# A checkout's own package, whether or not one is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lth_keras.programs import plot_results  # noqa: E402

if __name__ == "__main__":
    sys.exit(plot_results.program())
