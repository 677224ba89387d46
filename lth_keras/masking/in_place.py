"""hold and release for tf_keras models: masks put in place.

No layer is copied or replaced. Each weight that is pruned gets a masked read where the
model holds it, and the optimizers go on with the variables that they know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from lth_keras import compat
from lth_keras.arguments import function, switch
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.masking import held, sites, tf_keras_filters
from lth_keras.masking.chosen_places import settled
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.network import Network
from lth_keras.masking.places import Place, Pruned
from lth_keras.masking.seen import Seen
from lth_keras.masking.unasked import warn_of_dense_kernels
from lth_keras.masking.weights import require_built, trainable_in, weights_of
from lth_keras.pruning.rates import Rate, Rates
from lth_keras.pruning.recipe import Recipe


def hold(
    model: keras.Model,
    rate: Rate = 0.2,
    scope: str = "layer",
    criterion: str = "magnitude",
    exclude: str | Iterable[str] = (),
    embeddings: bool = False,
    granularity: str = "weight",
    build: Callable[[], keras.Model] | None = None,
    where: str = "each",
) -> keras.Model:
    """`lth.hold` of a tf_keras model, in any distribution strategy's scope."""
    compat.require_tf_keras_model(model)
    compat.require_in_step(model)
    embeddings = switch("embeddings", embeddings)
    recipe = Recipe(criterion, granularity, scope, where=where).check()
    if build is not None:
        function("build", build, "f() -> a built model", [])
    require_built(model)
    _check_free(model)
    rates = Rates(rate, None, exclude, budgets=True)
    found = list(_chosen(model, rates, embeddings))
    rates.check_all_matched()
    graph = tf_keras_filters.reading(model) if recipe.rule.outputs else None
    found, following = settled(found, recipe, rates.budget, graph)
    held.put(model, found, following, recipe)
    if recipe.rule.scored_by != "kernel":
        try:
            Seen(Network.of(model))
        except LotteryError:
            held.remove(model)
            raise
    if build is not None:
        held.remember_builder(model, build)
    compat.make_generators_resettable(model)
    compat.forget_traces(model)
    warn_of_dense_kernels(model, stacklevel=3)
    return model


def release(model: keras.Model) -> keras.Model:
    """`lth.release` of a tf_keras model."""
    compat.require_tf_keras_model(model)
    if not held.is_held(model):
        raise LotteryError(
            f"model {model.name!r} holds no masks in place: release takes what "
            "lth.hold has put on masks (lth.unwrap what lth.wrap made)."
        )
    held.remove(model)
    compat.forget_traces(model)
    return model


def plain_copy(model: keras.Model) -> keras.Model:
    """A model without masks that computes the same: frozen values are weights there.

    Args:
        model: a graph of layers that `hold` put on masks; it stays as it is.

    Raises:
        LotteryError: it is of a class of the caller's, which cannot be copied.
    """
    if type(model) not in compat.keras_classes() or not compat.is_functional(model):
        raise LotteryError(
            f"{type(model).__qualname__} freezes pruned weights at values, and a model "
            "of a class of your own cannot be copied without them: export a ticket "
            "that freezes none."
        )
    plain = rebuilt(model, copied)
    pairs = zip(weights_of(model), weights_of(plain), strict=True)
    for source, target in pairs:
        if (frozen := source.read_frozen()) is not None:
            value = source.read()
            target.write(np.where(source.read_mask(), value, frozen))
    return plain


def _check_free(model: keras.Model) -> None:
    if any(isinstance(m, PruneLowMagnitude) for m in compat.layers_within(model)):
        raise LotteryError(
            f"model {model.name!r} holds layers that are wrapped already: hold the "
            "model as it was before lth.wrap, or search it as it is."
        )
    if held.is_held(model):
        raise LotteryError(
            f"model {model.name!r} is on masks already: lth.release(model) first."
        )


def _chosen(model: keras.Model, rates: Rates, embeddings: bool) -> Iterator[Pruned]:
    """The weights that are put on masks, each with its rate."""
    trainable, around = trainable_in(model), _around(model)
    for site in sites.in_model(model, embeddings):
        if id(compat.raw_variable(site.variable)) not in trainable:
            continue
        value = rates.of(site.owner, False, around.get(id(site.owner), ()))
        if value is not None:
            yield Pruned(Place(site.owner, site.attribute, site.variable), value)


def _around(model: keras.Model) -> dict[int, tuple[keras.layers.Layer, ...]]:
    """The layers around each layer of a model, the nearest first; no models' own."""
    found: dict[int, tuple[keras.layers.Layer, ...]] = {}
    for layer in compat.layers_within(model):
        outer = (layer, *found.get(id(layer), ())) if layer is not model else ()
        for inner in compat.layers_directly_inside(layer):
            found.setdefault(id(inner), outer)
    return found
