"""hold and release for Keras 3 models: the optimizer holds the masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from lth_keras.arguments import function, switch
from lth_keras.errors import LotteryError
from lth_keras.masking.native import filters
from lth_keras.masking.native.choosing import prunable
from lth_keras.masking.native.filters import Pruned
from lth_keras.masking.native.held import HeldModel, require_one_device
from lth_keras.masking.native.masks import Mask, MaskedLayer
from lth_keras.masking.native.weights import require_built
from lth_keras.masking.network import Network
from lth_keras.masking.seen import Seen
from lth_keras.pruning.budgets import Budget
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
    where: str = "each",
) -> Any:
    """`lth.hold` of a Keras 3 model."""
    embeddings = switch("embeddings", embeddings)
    recipe = Recipe(criterion, granularity, scope, where=where).check()
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
    if recipe.rule.outputs:
        found = filters.hidden(model, found)
    if rates.budget is not None and found:
        found = _budgeted(rates.budget, found)
    following: list[filters.Following] = []
    if recipe.rule.outputs:
        found, following = filters.settled(model, recipe, found)
    if not found:
        raise LotteryError(
            "the model has no weight that can be pruned: lth.coverage(model) says why "
            "for each; a layer class's get_prunable_weights can name them."
        )
    masks = _masks(recipe, found)
    masks += _masks_of(following, masks)
    held = HeldModel(model, masks, build)
    if recipe.rule.scored_by != "kernel":
        try:
            Seen(Network.of(model))
        except LotteryError:
            held.let_go()
            raise
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


def _chosen(model: Any, rates: Rates, embeddings: bool) -> list[Pruned]:
    """The weights that are put on masks, each with its rate."""
    training = {id(variable) for variable in model.trainable_variables}
    found = []
    for each in prunable(model, embeddings):
        if id(each.variable) not in training:
            continue
        value = rates.of(each.layer, False, each.around)
        if value is not None:
            found.append(Pruned(each, value))
    return found


def _budgeted(budget: Budget, found: list[Pruned]) -> list[Pruned]:
    """The weights with the rates of a budget."""
    shapes: dict[int, list[tuple[int, ...]]] = {}
    for each in found:
        shape = tuple(each.chosen.variable.shape)
        shapes.setdefault(id(each.chosen.layer), []).append(shape)
    rates = dict(zip(shapes, budget.rates(list(shapes.values())), strict=True))
    return [each._replace(rate=rates[id(each.chosen.layer)]) for each in found]


def _masks(recipe: Recipe, found: list[Pruned]) -> list[Mask]:
    """The masks of the weights that are pruned, all ones."""
    layers: dict[int, MaskedLayer] = {}
    for (_, layer, _), rate, tied in found:
        own = dataclasses.replace(recipe, rates=(rate,))
        layers.setdefault(id(layer), MaskedLayer(layer.name, own, tied))
    rates = tuple(layer.rate for layer in layers.values())
    dataclasses.replace(recipe, rates=rates).check()
    for (variable, layer, _), _, _ in found:
        path, kind = f"{layer.name}/{variable.name}", type(layer).__name__
        recipe.check_tensor(Tensor(path, kind, tuple(variable.shape)))
    return [Mask(p.chosen.variable, layers[id(p.chosen.layer)]) for p in found]


def _masks_of(following: list[filters.Following], masks: list[Mask]) -> list[Mask]:
    """The masks of what goes with filters.

    Args:
        following: what does.
        masks: those of all that are pruned.
    """
    of = {id(mask.variable): mask for mask in masks}
    found = []
    for variable, layer, kernels in following:
        recipe = of[id(kernels[0])].layer.recipe
        keys = [id(kernel) for kernel in kernels]
        found.append(Mask(variable, MaskedLayer(layer.name, recipe), keys))
    return found
