"""A control of what becomes of the weights that a mask prunes: frozen, not zero."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras.controls.masks import whole_at
from lth_keras.controls.registry import Case, Change, register
from lth_keras.errors import LotteryError
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import pruned_places, values_of

_WHERE = ("all", "moved_away")


def _check_where(model: Any, iterations: Any, *, where: str = "all") -> None:
    if where not in _WHERE:
        raise LotteryError(
            f"freeze:where={where} is not known: use where=all, or where=moved_away."
        )


@register("freeze", check=_check_where, change=Change.START)
def freeze(search: LotterySearch, case: Case, seed: int, *, where: str = "all") -> Case:
    """The pruned weights frozen at theta_k instead of zero (1905.01067, section 4).

    Args:
        where: "all" freezes every one; "moved_away" those that training moved away
            from 0, or left as far, and the others are zero as always. What is asked is
            the training that the search pruned the weight after; of another mask than
            the search's own, that of the dense network.

    Raises:
        LotteryError: where="moved_away" of a search that prunes before it trains.
    """
    theta = values_of(whole_at(search, case))
    places = pruned_places(case.ticket)
    trained = theta
    if where == "moved_away":
        if search.first == "prune":
            raise LotteryError(
                "freeze:where=moved_away asks where training moved the weights, and a "
                "search with first='prune' prunes before it: use where=all."
            )
        trained = _when_pruned(search, case, places)
    weights = list(case.ticket.weights)
    for index, (weight, mask) in zip(places, case.ticket.pruned(), strict=True):
        away = np.abs(trained[index]) >= np.abs(theta[index])
        held = np.where(away & ~mask, theta[index], 0).astype(weight.value.dtype)
        weights[index] = dataclasses.replace(weight, frozen=held)
    ticket = dataclasses.replace(case.ticket, weights=tuple(weights))
    return case._replace(ticket=ticket)


def _when_pruned(
    search: LotterySearch, case: Case, places: list[int]
) -> list[np.ndarray]:
    """Each weight as training left it when it was pruned, or last."""
    found = search.trained_weights(0)
    level = case.ticket.level
    kept = [
        [mask for _, mask in search.ticket(number).pruned()]
        for number in range(level + 1)
    ]
    own = [mask for _, mask in case.ticket.pruned()]
    if not all(map(np.array_equal, own, kept[level])):
        return found
    for number in range(1, level):
        trained = search.trained_weights(number)
        for index, mask in zip(places, kept[number], strict=True):
            found[index] = np.where(mask, trained[index], found[index])
    return found
