"""Exports a ticket that a search found, as a model to serve.

    lth-export runs/digits_lenet
    lth-export RUN_DIR --level=12 --format=saved_model,tflite

From a checkout, python examples/export_ticket.py is the same program. RUN_DIR is the
--output_dir of the search. What is exported are the weights that a level ended with,
trained and sparse; not the ticket (mask and starting weights), which stays in RUN_DIR.
Every export is reloaded in a fresh process, without Keras and this package, and
compared with the model before it takes its place: all formats appear, or none.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lth_keras.experiments import quiet
from lth_keras.programs import command_line, export_flags


def main(argv: Sequence[str]) -> None:
    """Exports what the flags in `argv` describe."""
    request = export_flags.read(argv, __doc__)
    with quiet.quiet_import():
        from lth_keras.programs import exporting
    exporting.run(request)


def program() -> int:
    """The console command; returns its exit code."""
    return command_line.run(
        main,
        sys.argv,
        export_flags.ARGUMENTS,
        "the search is untouched, again",
        catch_sigterm=True,
    )
