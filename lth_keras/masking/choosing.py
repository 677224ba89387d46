"""Which layers of a model does `wrap` prune, at which rate, and what goes with them?"""

from __future__ import annotations

from collections.abc import Iterator

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import channels, feeds, filters, kinds, sites
from lth_keras.masking.filters import Choice
from lth_keras.pruning.budgets import Budget
from lth_keras.pruning.granularities import Tensor
from lth_keras.pruning.rates import Rates
from lth_keras.pruning.recipe import Recipe


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
    every = list(leaves(model))
    for layer in every:
        if not kinds.supports(layer, embeddings):
            continue
        rate = rates.of(layer, id(layer) in outputs)
        whole = recipe.rule.outputs and id(layer) in outputs
        if rate is not None and not whole and trains(layer, embeddings, trainable):
            found[id(layer)] = Choice(rate)
    if rates.budget is not None:
        own = [layer for layer in every if id(layer) in found]
        found = _budgeted(rates.budget, own, embeddings, trainable)
    if not (recipe.rule.outputs and found):
        return found
    known = channels.of(feeds.parts(model))

    def fitting(layer: keras.layers.Layer, source: keras.layers.Layer) -> bool:
        if not (layer.built and source.built):
            return bool(layer.scale or layer.center) and layer.axis in (-1, [-1])
        return filters.fits(layer, _last_kernel(source), recipe.rule)

    return filters.settled(found, every, known, recipe, fitting)


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
    pairs = zip(layers, rates, strict=True)
    return {id(layer): Choice(rate) for layer, rate in pairs}


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


def leaves(
    model: keras.Model, seen: set[int] | None = None
) -> Iterator[keras.layers.Layer]:
    """The layers of a graph model and of those inside it, each once.

    Args:
        model: Sequential or Functional.
        seen: identities of those that are passed over.
    """
    seen = set() if seen is None else seen
    for layer in model.layers:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model) and compat.is_functional(layer):
            yield from leaves(layer, seen)
        else:
            yield layer


def _last_kernel(layer: keras.layers.Layer) -> Tensor | None:
    """The last kernel of a built layer, or None where it has none."""
    kernels = sites.sites(layer)
    if not kernels:
        return None
    path, kind = f"{layer.name}/{kernels[-1].attribute}", kernels[-1].owner
    return Tensor(path, type(kind).__name__, tuple(kernels[-1].variable.shape))
