"""Finds lottery tickets in the papers' networks, and compares them with controls.

    lth-search
    lth-search --dataset=mnist --iterations=10000 --levels=16

From a checkout, python examples/lottery_search.py is the same program. It trains the
network, prunes it, rewinds what is left to its initial weights, and trains again, level
by level (arXiv 1803.03635); then the controls. Ends with a table and leaves
OUTPUT_DIR/results.jsonl (a line per finished training run), a figure, and the tickets.
Stopped at any moment and started again with the same command, it goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lth_keras.experiments import quiet
from lth_keras.programs import command_line, where
from lth_keras.programs import options as settings


def main(argv: Sequence[str]) -> None:
    """Runs the search that the flags in `argv` describe."""
    known = settings.define()
    options = settings.read(argv, __doc__, known)
    place = where.read(known, options.workers)
    with quiet.quiet_import():
        from lth_keras.programs import searching
    searching.run(options, place)


def program() -> int:
    """The console command; returns its exit code."""
    return command_line.run(main, sys.argv, settings.ARGUMENTS)
