"""Trains controls of a finished search: `lth-controls`, from a checkout.

    python examples/run_controls.py RUN_DIR --controls=one_shot,noise:sigma=0.5

--help shows every flag. The program itself is `lth_keras.programs.run_controls`.
"""

import os
import sys

# A checkout's own package, whether or not one is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lth_keras.programs import run_controls  # noqa: E402

if __name__ == "__main__":
    sys.exit(run_controls.program())
