"""Controls of what becomes of the weights that a mask keeps, with and without signs.

"Deconstructing Lottery Tickets" (1905.01067, section 4) finds that the signs of the
kept weights are what counts. `random_reinit:signs=kept` of `starts` belongs to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras.controls.registry import Case, Change, register
from lth_keras.errors import LotteryError
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import pruned_places, values_of, with_values

SIGNS = ("kept", "random")


def check_signs(model: Any, iterations: Any, *, signs: str = "kept") -> None:
    """Refuses what is not known of the signs.

    Raises:
        LotteryError: says what is.
    """
    if signs not in SIGNS:
        raise LotteryError(
            f"signs={signs} is not known: use signs=kept, or signs=random."
        )


@register("reshuffle", check=check_signs, change=Change.START, dense=True)
def reshuffle(
    search: LotterySearch, case: Case, seed: int, *, signs: str = "kept"
) -> Case:
    """The mask's own weights in another order, in each tensor (1905.01067, section 4).

    Args:
        signs: "kept" shuffles the positive weights among themselves, and the negative
            ones; "random" shuffles all together.
    """
    rng = np.random.default_rng(seed)
    values = values_of(case.ticket)
    for index, (ticket, mask) in zip(
        pruned_places(case.ticket), case.ticket.pruned(), strict=True
    ):
        weight = ticket.value.copy()
        groups = [mask] if signs == "random" else [mask & (weight > 0), weight < 0]
        for group in groups:
            weight[group] = rng.permutation(weight[group])
        values[index] = weight
    return case._replace(ticket=with_values(case.ticket, values))


@register("constant", check=check_signs, change=Change.START, dense=True)
def constant(
    search: LotterySearch, case: Case, seed: int, *, signs: str = "kept"
) -> Case:
    """Every kept weight at plus or minus one size (1905.01067, section 4).

    The size is the standard deviation of the tensor's theta_0, of all its weights.

    Args:
        signs: "kept" gives each weight the sign that it has; "random" draws it.
    """
    rng = np.random.default_rng(seed)
    initial, values = values_of(search.initial), values_of(case.ticket)
    for index in pruned_places(case.ticket):
        weight = values[index]
        size = np.full(weight.shape, np.std(initial[index], dtype=np.float64))
        drawn = np.where(rng.random(weight.shape) < 0.5, -1.0, 1.0)
        sign = weight.astype(np.float64) if signs == "kept" else drawn
        values[index] = np.copysign(size, sign).astype(weight.dtype)
    return case._replace(ticket=with_values(case.ticket, values))
