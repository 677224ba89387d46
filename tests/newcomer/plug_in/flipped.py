"""A control of another start: the ticket's weights with their signs turned."""

from __future__ import annotations

from lth_keras.controls.registry import Case, Change, register
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import pruned_places, values_of, with_values


@register("flipped", change=Change.WEIGHTS)
def flipped(
    search: LotterySearch, case: Case, seed: int, *, factor: float = 1.0
) -> Case:
    """The ticket's mask on -factor times its weights (1905.01067, section 4.1).

    Args:
        factor: of the magnitudes.
    """
    values = values_of(case.ticket)
    for index in pruned_places(case.ticket):
        values[index] = -factor * values[index]
    return case._replace(ticket=with_values(case.ticket, values))
