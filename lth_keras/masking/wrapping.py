"""wrap and unwrap: a whole model with, and without, weights held on masks.

model = lth.wrap(model, rate=0.2)        # the caller's model stays untouched
...
plain = lth.unwrap(model)                # ordinary Keras, exact zeros
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from lth_keras import compat
from lth_keras.arguments import switch
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.converting.conversion import from_keras3
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import choosing, heads, held, kinds
from lth_keras.masking.copying import copied, rebuilt
from lth_keras.masking.network import Network
from lth_keras.masking.schedules import IterativePruning
from lth_keras.masking.seen import Seen
from lth_keras.masking.unasked import warn_of_dense_kernels
from lth_keras.masking.weights import trainable_in
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.pruning.rates import One, Rate, Rates
from lth_keras.pruning.recipe import Recipe


def wrap(
    model: keras.Model,
    rate: Rate = 0.2,
    scope: str = "layer",
    criterion: str = "magnitude",
    output_rate: One | None = None,
    exclude: str | Iterable[str] = (),
    embeddings: bool = False,
    granularity: str = "weight",
    where: str = "each",
) -> keras.Model:
    """A copy of `model` whose prunable weights are held on masks.

    The masks start as all ones: the copy computes and trains as the original does,
    until `lth.prune`, a ticket or a search changes them. Compile it yourself.

    Args:
        model: Sequential (built or not) or Functional tf_keras model, in any
            distribution strategy's scope; its present weights become theta_0. One of
            Keras 3 is converted first (`lth.from_keras3`), and a line says so.
        rate: share of the surviving weights pruned per round: a float in (0, 1),
            {regex on layer name: float} or f(layer) -> float. None leaves out. A list
            has a rate for each round, [0.36, 0.36, 0.19], as f(level) -> float does
            (its argument is named `level`); so may each float of a dict be one. Or a
            budget, which shares out a density: `lth.budgets.erk(0.05)`.
        scope: "layer" ranks each layer's weights by themselves, "global" all
            together (1803.03635, section 4); then there is one rate.
        criterion: name of the score function; see `lth.criteria.names()`.
        output_rate: rate of the output layer, where it differs (the paper: half).
        exclude: regular expressions on names of layers to leave dense.
        embeddings: whether Embedding tables are pruned too.
        granularity: what is kept or pruned as one: "weight"; "filter" (by its L1 norm,
            "filter:l2", "filter:scale" by the batch normalisation behind it), with
            its bias, scale and offset, and in hidden layers alone; "row"; blocks such
            as "block:4x4"; n of every m inputs, "2:4" or, falling by level,
            "3-2-1:4"; or one of your own (`lth_keras.pruning.granularity`).
        where: of filters whose outputs are added to others', as in residual networks:
            "each" layer loses its own; "together", layers that are added lose the
            same, so that they can be taken out; "first", such layers stay whole, and
            only the first ones of a block lose any (1608.08710, section 3.3).

    Returns:
        A new, uncompiled model of the same class, name, layer names, outputs and
        weights. Layers that cannot be pruned, and weights that do not train
        (trainable=False, of their layer or of one around it), are copied as they
        are and stay dense, also when they train later. What is frozen after wrapping
        is on a mask, and pruned as soon as it trains again.

    Raises:
        LotteryError: the model or an argument is not one that can be wrapped.
    """
    if compat.is_keras3_model(model):
        name, model = model.name, from_keras3(model)
        print(
            f"lth.wrap: {name!r} is a Keras 3 model and was converted to tf_keras; "
            "lth.write_to(keras3_model, model) brings what is found back.",
            flush=True,
        )
    check_model(model)
    embeddings = switch("embeddings", embeddings)
    recipe = Recipe(criterion, granularity, scope, where=where).check()
    if recipe.rule.outputs and output_rate is not None:
        raise LotteryError(
            f"output_rate={shown(output_rate)}: units of the output layers are the "
            f"model's outputs, and granularity={granularity!r} leaves them whole: "
            "leave output_rate out."
        )
    rates = Rates(rate, output_rate, exclude, budgets=True)
    outputs = heads.last(model, lambda layer: kinds.supports(layer, embeddings))
    trainable = trainable_in(model)
    chosen = choosing.chosen(model, recipe, rates, outputs, embeddings, trainable)

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = copied(layer)
        if id(layer) not in chosen:
            return copy
        choice = chosen[id(layer)]
        return PruneByLevel(
            copy,
            IterativePruning(choice.rate),
            embeddings=embeddings,
            left_dense=choosing.left_dense(layer, embeddings, trainable),
            **recipe.get_config(),
            tied=choice.tied,
            follows=[source.name for source in choice.follows],
        )

    with compat.resettable_generators():
        wrapped = rebuilt(model, convert)
    rates.check_all_matched()
    if not chosen:
        raise LotteryError(
            "the model has no layer that can be pruned: lth.coverage(model) says "
            "why for each weight."
        )
    used = tuple(choice.rate for choice in chosen.values())
    dataclasses.replace(recipe, rates=used).check()
    if recipe.rule.scored_by != "kernel" and wrapped.built:
        Seen(Network.of(wrapped))
    warn_of_dense_kernels(wrapped, stacklevel=2)
    return wrapped


def unwrap(model: keras.Model) -> keras.Model:
    """An ordinary Keras model with exact zeros where the masks prune.

    Args:
        model: a model made by `wrap` (or loaded from a file of one).

    Returns:
        A new, uncompiled model without a trace of tfmot or of this package; its
        weights are copies, so training it leaves `model` as it is.

    Raises:
        LotteryError: the model is not wrapped.
    """
    compat.require_tf_keras_model(model)
    if not any(isinstance(m, PruneByLevel) for m in compat.layers_within(model)):
        raise LotteryError(
            f"model {model.name!r} is not wrapped: unwrap takes what lth.wrap made "
            "(lth.release takes away the masks of lth.hold)."
        )

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        return copied(layer.layer if isinstance(layer, PruneByLevel) else layer)

    return rebuilt(model, convert)


def check_model(model: keras.Model) -> None:
    """Refuses a model whose layers cannot be replaced by wrapped ones.

    Raises:
        LotteryError: says why, and what to do.
    """
    compat.require_tf_keras_model(model)
    compat.require_in_step(model)
    kind = type(model).__qualname__
    if any(isinstance(m, PruneLowMagnitude) for m in compat.layers_within(model)):
        raise LotteryError(
            f"model {model.name!r} is wrapped already: wrap the original model, or "
            "lth.unwrap(model) (tfmot's strip_pruning for its own wrappers) first."
        )
    if held.is_held(model):
        raise LotteryError(
            f"model {model.name!r} is on masks already, in place: search it as it is, "
            "or lth.release(model) first."
        )
    if not compat.is_functional(model):
        raise LotteryError(
            f"{kind} is a subclassed model, whose layers cannot be replaced: put it on "
            "masks in place, lth.hold(model), or build it as a Functional model, "
            "keras.Model(inputs, outputs), and wrap that."
        )
    if type(model) not in compat.keras_classes():
        raise LotteryError(
            f"{kind} is a model class of its own, which a copy would lose: put it on "
            "masks in place, lth.hold(model), or wrap keras.Model(model.inputs, "
            "model.outputs) and train that."
        )
