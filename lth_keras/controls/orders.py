"""A control of the data order alone: what a control draws stays the same.

    controls.run(search, "random_reinit+one_draw", replicates=2)

trains one random reinitialisation twice, in two data orders. Without it, every
replicate draws weights and order anew.
"""

from __future__ import annotations

from typing import Any

from lth_keras.arguments import MOST_RUNS, count
from lth_keras.controls.registry import Case, register

NAME = "one_draw"


def _check_draw(model: Any, iterations: Any, *, draw: int = 0) -> None:
    count("one_draw:draw", draw, 0, "the number of a replicate", MOST_RUNS)


@register(NAME, check=_check_draw, dense=True)
def one_draw(search: Any, case: Case, seed: int, *, draw: int = 0) -> Case:
    """Every replicate with the same draws, in a data order of its own (1912.05671).

    Alone, it is the ticket itself in another data order.

    Args:
        draw: the replicate whose masks and weights all of them have.
    """
    return case
