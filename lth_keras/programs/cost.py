"""Tells what a search costs, before anything is trained.

    lth-cost --flagfile=vgg19
    lth-cost --dataset=mnist --trials=5 --controls=random_reinit --flops=2e11

From a checkout, python examples/cost.py is the same program. Its flags are those of
lottery_search.py (lth-search). It prints the training runs of the job, their iterations
and floating-point operations, what the run directory holds at most, and the hours at a
FLOP rate. Nothing is trained or written; data are read only where their size is not
known.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lth_keras.experiments import quiet
from lth_keras.programs import command_line, cost_flags
from lth_keras.programs import options as settings


def main(argv: Sequence[str]) -> None:
    """Prints the costs of the job that the flags in `argv` describe."""
    request = cost_flags.read(argv, __doc__)
    with quiet.quiet_import():
        from lth_keras.programs import costing
    print(costing.report(request))


def program() -> int:
    """The console command; returns its exit code."""
    return command_line.run(main, sys.argv, settings.ARGUMENTS, "nothing is stored")
