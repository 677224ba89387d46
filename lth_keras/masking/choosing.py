"""Which layers of a model does `wrap` prune, at which rate, and what goes with them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import channels, kinds, sites
from lth_keras.pruning.budgets import Budget
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularities import Granularity, Tensor
from lth_keras.pruning.rates import Rates
from lth_keras.pruning.recipe import Recipe


class Choice(NamedTuple):
    """How a layer is wrapped.

    Attributes:
        rate: share of its surviving units pruned per round, or in each of some.
        beside: arguments of its wrapper: what it goes together with.
    """

    rate: RoundRate
    beside: dict[str, Any]


def chosen(
    model: keras.Model,
    recipe: Recipe,
    rates: Rates,
    outputs: set[int],
    embeddings: bool,
    trainable: set[int],
) -> dict[int, Choice]:
    """The layers that are wrapped, by identity.

    Args:
        model: Sequential or Functional.
        recipe: how it is pruned.
        rates: of its layers.
        outputs: identities of its output layers, which lose no filter.
        embeddings: whether Embedding tables are pruned.
        trainable: identities of the variables that train.

    Raises:
        LotteryError: a rate is none, or layers that are pruned together have several.
    """
    found: dict[int, Choice] = {}
    leaves = list(_leaves(model, set()))
    for layer in leaves:
        if not kinds.supports(layer, embeddings):
            continue
        rate = rates.of(layer, id(layer) in outputs)
        whole = recipe.rule.outputs and id(layer) in outputs
        if rate is not None and not whole and trains(layer, embeddings, trainable):
            found[id(layer)] = Choice(rate, {})
    if rates.budget is not None:
        own = [layer for layer in leaves if id(layer) in found]
        found = _budgeted(rates.budget, own, embeddings, trainable)
    if not (recipe.rule.outputs and found):
        return found
    known = channels.of(model)
    if recipe.where == "first":
        for layer in (layer for group in known.joined for layer in group):
            found.pop(id(layer), None)
    elif recipe.where == "together":
        for group in known.joined:
            _tie(group, found)
    for layer in leaves:
        sources = known.normalised.get(id(layer), [])
        if not layer.trainable or not sources:
            continue
        if all(id(s) in found and _fits(layer, s, recipe.rule) for s in sources):
            names = [source.name for source in sources]
            follows = {"follows": names[0] if len(names) == 1 else names}
            found[id(layer)] = Choice(found[id(sources[0])].rate, follows)
    return found


def _budgeted(
    budget: Budget,
    layers: list[keras.layers.Layer],
    embeddings: bool,
    trainable: set[int],
) -> dict[int, Choice]:
    """The choices with the rates of a budget."""
    shapes = []
    for layer in layers:
        if not layer.built:
            raise LotteryError(
                f"a budget counts the weights of the layers, and {layer.name} has none "
                "yet: call model.build(input_shape) first."
            )
        dense = left_dense(layer, embeddings, trainable) or ()
        found = enumerate(sites.sites(layer, embeddings))
        shapes.append([tuple(s.variable.shape) for i, s in found if i not in dense])
    rates = budget.rates(shapes) if layers else []
    return {id(k): Choice(rate, {}) for k, rate in zip(layers, rates, strict=True)}


def trains(layer: keras.layers.Layer, embeddings: bool, trainable: set[int]) -> bool:
    """Whether the layer has, or will have, prunable weights that train."""
    if not layer.built:
        return bool(layer.trainable)
    frozen = left_dense(layer, embeddings, trainable) or ()
    return len(frozen) < len(sites.sites(layer, embeddings))


def left_dense(
    layer: keras.layers.Layer, embeddings: bool, trainable: set[int]
) -> list[int] | None:
    """Positions of the layer's prunable weights that do not train.

    None for a layer without weights yet: it is asked again when it has them.
    """
    if not layer.built:
        return None
    found = sites.sites(layer, embeddings)
    keys = [id(compat.raw_variable(site.variable)) for site in found]
    return [index for index, key in enumerate(keys) if key not in trainable]


def _leaves(model: keras.Model, seen: set[int]) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of models inside it, each once."""
    for layer in model.layers:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model) and compat.is_functional(layer):
            yield from _leaves(layer, seen)
        else:
            yield layer


def _tie(group: list[keras.layers.Layer], found: dict[int, Choice]) -> None:
    """Lets layers that are added lose the same filters; none, if one loses none."""
    if not all(id(layer) in found for layer in group):
        for layer in group:
            found.pop(id(layer), None)
        return
    rates = {found[id(layer)].rate for layer in group}
    if len(rates) > 1:
        names = ", ".join(layer.name for layer in group)
        raise LotteryError(
            f"where='together': {names} are added, and have the rates "
            f"{', '.join(sorted(map(str, rates)))}: give them one, or None to leave "
            "all of them whole."
        )
    for layer in group:
        found[id(layer)].beside["tied"] = group[0].name


def _fits(
    layer: keras.layers.Layer, source: keras.layers.Layer, rule: Granularity
) -> bool:
    """Whether a batch normalisation has one scale or offset a filter."""
    own: list[Any] = [
        v
        for v in (getattr(layer, "gamma", None), getattr(layer, "beta", None))
        if v is not None
    ]
    if not (layer.built and source.built):
        return bool(layer.scale or layer.center) and layer.axis in (-1, [-1])
    kernels = sites.sites(source)
    if not (own and kernels):
        return False
    owner, kernel = kernels[-1].owner, kernels[-1].variable
    path = f"{source.name}/{kernels[-1].attribute}"
    tensor = Tensor(path, type(owner).__name__, tuple(kernel.shape))
    units = rule.units(tensor, np.ones(tensor.shape, bool))
    return all(tuple(each.shape) == (units.size,) for each in own)
