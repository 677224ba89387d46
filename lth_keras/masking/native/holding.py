"""hold and release for Keras 3 models: the optimizer holds the masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from lth_keras.arguments import function, switch
from lth_keras.errors import LotteryError
from lth_keras.masking.chosen_places import settled
from lth_keras.masking.native import filters
from lth_keras.masking.native.choosing import prunable
from lth_keras.masking.native.held import HeldModel, require_one_device
from lth_keras.masking.native.masks import Mask, MaskedLayer
from lth_keras.masking.native.weights import require_built
from lth_keras.masking.network import Network
from lth_keras.masking.places import Following, Place, Pruned
from lth_keras.masking.seen import Seen
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
    graph = filters.reading(model) if recipe.rule.outputs else None
    found, following = settled(found, recipe, rates.budget, graph)
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
            place = Place(each.layer, each.variable.name, each.variable)
            found.append(Pruned(place, value))
    return found


def _masks(recipe: Recipe, found: list[Pruned]) -> list[Mask]:
    """The masks of the weights that are pruned, all ones."""
    layers: dict[int, MaskedLayer] = {}
    for (layer, _, _), rate, tied in found:
        own = dataclasses.replace(recipe, rates=(rate,))
        layers.setdefault(id(layer), MaskedLayer(layer.name, own, tied))
    return [Mask(each.place.variable, layers[id(each.place.layer)]) for each in found]


def _masks_of(following: list[Following], masks: list[Mask]) -> list[Mask]:
    """The masks of what goes with filters.

    Args:
        following: what does.
        masks: those of all that are pruned.
    """
    of = {id(mask.variable): mask for mask in masks}
    found = []
    for (layer, _, variable), kernels in following:
        recipe = of[id(kernels[0])].layer.recipe
        keys = [id(kernel) for kernel in kernels]
        found.append(Mask(variable, MaskedLayer(layer.name, recipe), keys))
    return found
