"""Draws the paper's figures of finished searches, and writes a report.

    lth-plot RUN_DIR
    lth-plot RUN_DIR --kinds=curves --densities=100,51.3,21.1
    lth-plot RUN_DIR RUN_DIR ... --output_dir=DIR
    lth-plot RUN_DIR RUN_DIR --compare --output_dir=DIR
    lth-plot RUN_DIR --serve

From a checkout, python examples/plot_results.py is the same program. RUN_DIR is the
--output_dir of lottery_search.py (lth-search), or the directory of an
lth.LotterySearch; it may still be training. The figures (arXiv 1803.03635):

    density     early-stopping iteration and accuracies against P_m (fig. 4, 5, 6)
    curves      test accuracy against iteration for some P_m (fig. 3)
    iterations  test accuracy at fixed iterations against P_m (fig. 7, 8)
    weights     distributions of initial and trained weights of tickets (fig. 15)
    stability   instability, and the error between two networks (arXiv 1912.05671)
    overlap     how far masks of trials, or of controls, keep the same weights

Nothing is trained. Several searches are drawn together, with a colour each.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lth_keras.experiments import quiet
from lth_keras.programs import command_line, plot_flags


def main(argv: Sequence[str]) -> None:
    """Draws what the arguments and flags in `argv` describe."""
    request = plot_flags.read(argv, __doc__)
    with quiet.quiet_import():
        from lth_keras.programs import plot_live, plotting
    if request.serve:
        plot_live.run(request)
    else:
        plotting.run(request)


def program() -> int:
    """The console command; returns its exit code."""
    return command_line.run(
        main, sys.argv, plot_flags.ARGUMENTS, "the search is untouched, again"
    )
