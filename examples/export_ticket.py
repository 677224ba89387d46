"""Exports a ticket of a finished search: `lth-export`, from a checkout.

    python examples/export_ticket.py RUN_DIR --format=saved_model,tflite

--help shows every flag. The program itself is `lth_keras.programs.export_ticket`.
"""

import os
import sys

# A checkout's own package, whether or not one is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lth_keras.programs import export_ticket  # noqa: E402

if __name__ == "__main__":
    sys.exit(export_ticket.program())
