"""Which weights are put on masks in place, and what goes with their filters?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lth_keras.errors import LotteryError
from lth_keras.masking.filters_in_place import Reading
from lth_keras.masking.places import Following, Pruned
from lth_keras.pruning.budgets import Budget
from lth_keras.pruning.granularity import Tensor
from lth_keras.pruning.recipe import Recipe


def settled(
    found: Sequence[Pruned],
    recipe: Recipe,
    budget: Budget | None,
    graph: Reading | None,
) -> tuple[list[Pruned], list[Following]]:
    """The weights that are put on masks, and what goes with filters of these.

    Args:
        found: the weights that have a rate.
        recipe: how the model is pruned.
        budget: what the rates are of, or None.
        graph: what is read of the model where whole filters go, else None.

    Raises:
        LotteryError: no weight is left, or one cannot be pruned so.
    """
    found = list(found)
    following: list[Following] = []
    if graph is not None:
        found = graph.hidden(found)
    if budget is not None and found:
        found = _budgeted(budget, found)
    if graph is not None:
        found, following = graph.settled(found, recipe)
    if not found:
        raise LotteryError(
            "the model has no weight that can be pruned: lth.coverage(model) says why "
            "for each; a layer class's get_prunable_weights can name them."
        )
    used = tuple({id(each.place.layer): each.rate for each in found}.values())
    dataclasses.replace(recipe, rates=used).check()
    for (layer, name, variable), _, _ in found:
        kind, shape = type(layer).__name__, tuple(variable.shape)
        recipe.check_tensor(Tensor(f"{layer.name}/{name}", kind, shape))
    return found, following


def _budgeted(budget: Budget, found: Sequence[Pruned]) -> list[Pruned]:
    """The weights with the rates of a budget."""
    shapes: dict[int, list[tuple[int, ...]]] = {}
    for each in found:
        shape = tuple(each.place.variable.shape)
        shapes.setdefault(id(each.place.layer), []).append(shape)
    rates = dict(zip(shapes, budget.rates(list(shapes.values())), strict=True))
    return [each._replace(rate=rates[id(each.place.layer)]) for each in found]
