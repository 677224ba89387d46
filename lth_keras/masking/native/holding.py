"""hold and release for Keras 3 models: the optimizer holds the masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from lth_keras.arguments import function, switch
from lth_keras.errors import LotteryError
from lth_keras.masking.native.choosing import Chosen, prunable
from lth_keras.masking.native.held import HeldModel, require_one_device
from lth_keras.masking.native.masks import Mask, MaskedLayer
from lth_keras.masking.native.weights import require_built
from lth_keras.pruning.budgets import Budget
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularity import Tensor
from lth_keras.pruning.rates import Rate, Rates
from lth_keras.pruning.recipe import Recipe


def hold(
    model: Any,
    rate: Rate = 0.2,
    scope: str = "layer",
    criterion: str = "magnitude",
    exclude: str | Iterable[str] = (),
    embeddings: bool = False,
    granularity: str = "weight",
    build: Callable[[], Any] | None = None,
) -> Any:
    """`lth.hold` of a Keras 3 model."""
    embeddings = switch("embeddings", embeddings)
    recipe = Recipe(criterion, granularity, scope).check()
    if recipe.rule.outputs:
        raise LotteryError(
            f"granularity={granularity!r} needs to know where outputs lead, which only "
            "lth.wrap of a Functional model does: use 'weight', 'row', blocks or n:m."
        )
    if build is not None:
        function("build", build, "f() -> a built model", [])
    require_built(model)
    if HeldModel.of(model) is not None:
        raise LotteryError(
            f"model {model.name!r} is on masks already: lth.release(model) first."
        )
    require_one_device(model)
    rates = Rates(rate, None, exclude, budgets=True)
    found = _chosen(model, rates, embeddings)
    rates.check_all_matched()
    if not found:
        raise LotteryError(
            "the model has no weight that can be pruned: lth.coverage(model) says why "
            "for each; a layer class's get_prunable_weights can name them."
        )
    if rates.budget is not None:
        found = _budgeted(rates.budget, found)
    layers: dict[int, MaskedLayer] = {}
    for each, own_rate in found:
        own = dataclasses.replace(recipe, rates=(own_rate,))
        layers.setdefault(id(each.layer), MaskedLayer(each.layer.name, own))
    rates_used = tuple(layer.rate for layer in layers.values())
    dataclasses.replace(recipe, rates=rates_used).check()
    for each, _ in found:
        path, kind = f"{each.layer.name}/{each.variable.name}", type(each.layer)
        shape = tuple(each.variable.shape)
        recipe.check_tensor(Tensor(path, kind.__name__, shape))
    masks = [Mask(each.variable, layers[id(each.layer)]) for each, _ in found]
    HeldModel(model, masks, build)
    return model


def release(model: Any) -> Any:
    """`lth.release` of a Keras 3 model."""
    held = HeldModel.of(model)
    if held is None:
        raise LotteryError(
            f"model {model.name!r} holds no masks: release takes what lth.hold has put "
            "on masks."
        )
    held.let_go()
    return model


def _chosen(
    model: Any, rates: Rates, embeddings: bool
) -> list[tuple[Chosen, RoundRate]]:
    """The weights that are put on masks, each with its rate."""
    training = {id(variable) for variable in model.trainable_variables}
    found = []
    for each in prunable(model, embeddings):
        if id(each.variable) not in training:
            continue
        value = rates.of(each.layer, False, each.around)
        if value is not None:
            found.append((each, value))
    return found


def _budgeted(
    budget: Budget, found: list[tuple[Chosen, RoundRate]]
) -> list[tuple[Chosen, RoundRate]]:
    """The weights with the rates of a budget."""
    shapes: dict[int, list[tuple[int, ...]]] = {}
    for each, _ in found:
        shapes.setdefault(id(each.layer), []).append(tuple(each.variable.shape))
    rates = dict(zip(shapes, budget.rates(list(shapes.values())), strict=True))
    return [(each, rates[id(each.layer)]) for each, _ in found]
