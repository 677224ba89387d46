"""The weights of a model in order, each with its owner and its mask.

What belongs to the network: kernels, biases, normalisation parameters and moving
statistics. Masks and tfmot's counters are not among them, so that a wrapped model
and the same model unwrapped list the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lth_keras.compat import (
    PruneLowMagnitude,
    is_built,
    is_functional,
    keras,
    keras_classes,
    layers_within,
    metric_variables,
    own_variables,
    raw_variable,
    unbuilt_part,
    weights_if_all_trained,
)
from lth_keras.errors import LotteryError
from lth_keras.masking import held
from lth_keras.masking.weight import Weight


def listed_by_keras(model: keras.Model, weights: Sequence[Weight]) -> list[int]:
    """Positions of the weights in the order in which Keras lists them at this moment.

    Keras lists what does not train last. Tickets and manifests of before there was an
    order of ours have that one.

    Args:
        model: the model.
        weights: all of `weights_of(model)`.
    """
    places = {id(raw_variable(w.variable)): i for i, w in enumerate(weights)}
    keys = (id(raw_variable(variable)) for variable in model.weights)
    return [places[key] for key in keys if key in places]


def weights_of(model: keras.Model) -> list[Weight]:
    """The weights of a built model, in the order of `model.weights` if all train.

    Keras lists what does not train last, so that its own order changes when a layer is
    frozen; this one does not.

    Raises:
        LotteryError: the model has no weights yet.
    """
    require_built(model)
    layers = layers_within(model)
    pruned: dict[int, tuple[Any, Any, Any]] = {}
    bookkeeping: set[int] = set()
    for layer in layers:
        if isinstance(layer, PruneLowMagnitude):
            lead = getattr(layer, "followed", {})
            for place, (variable, mask, threshold) in enumerate(layer.pruning_vars):
                pruned[id(raw_variable(variable))] = mask, layer, lead.get(place)
                bookkeeping |= {id(mask), id(threshold)}
                if (find := getattr(layer, "frozen_of", None)) is not None:
                    bookkeeping.add(id(find(variable)))
            bookkeeping.add(id(layer.pruning_step))
            # Scores that train in place of weights, and what they are drawn by.
            bookkeeping |= {id(variable) for variable in getattr(layer, "learned", ())}
        elif (masks_here := held.of_layer(layer)) is not None:
            for place, (variable, mask, _) in enumerate(masks_here.pruning_vars):
                follows = masks_here.followed.get(place)
                pruned[id(raw_variable(variable))] = mask, masks_here, follows
    if _is_of_own_class(model, layers):
        bookkeeping |= {id(v) for layer in layers for v in metric_variables(layer)}
    owners: dict[int, Any] = {}
    for layer in layers:
        # tfmot's wrapper lists the weights of its layer as if they were its own.
        if not isinstance(layer, PruneLowMagnitude):
            for variable in own_variables(layer):
                owners.setdefault(id(raw_variable(variable)), layer)
    found = []
    for variable in weights_if_all_trained(model):
        key = id(raw_variable(variable))
        if key in bookkeeping or id(variable) in bookkeeping:
            continue
        if not isinstance(variable, tf.Variable):
            continue  # a vocabulary, which Keras lists among the weights
        mask, wrapper, follows = pruned.get(key, (None, None, None))
        owner = owners.get(key, model)
        found.append(
            Weight(
                layer=owner.name,
                kind=type(owner).__name__,
                name=variable.name.split("/")[-1].split(":")[0],
                variable=variable,
                mask=mask,
                wrapper=wrapper,
                follows=follows,
            )
        )
    return found


def require_built(model: keras.Model) -> None:
    """Refuses a model without weights.

    Raises:
        LotteryError: says how it gets them.
    """
    if is_built(model):
        return
    part = unbuilt_part(model)
    if part is None or part is model:
        raise LotteryError(
            f"model {model.name!r} has no weights yet: call "
            "model.build(input_shape) with the shape of a batch first."
        )
    raise LotteryError(
        f"{part.name!r} ({type(part).__name__}) in model {model.name!r} is not built "
        "yet: call it, or the model, with a batch first, or give a Sequential its "
        "Input."
    )


def _is_of_own_class(model: keras.Model, layers: Sequence[keras.layers.Layer]) -> bool:
    """Whether the model is written as a class, with no wrappers inside.

    What is stored of graphs, and of classes around wrapped ones, has the variables of
    their metrics among the weights.
    """
    graph = is_functional(model) and type(model) in keras_classes()
    return not graph and not any(isinstance(m, PruneLowMagnitude) for m in layers)


def scores_of(model: keras.Model) -> list[Weight]:
    """The scores of a model whose masks are learned, in the order of its layers."""
    return [
        Weight(layer.name, type(layer).__name__, f"scores_{index}", scores, None, layer)
        for layer in layers_within(model)
        for index, scores in enumerate(getattr(layer, "scores", ()))
        if isinstance(layer, PruneLowMagnitude)
    ]


def trainable_in(model: keras.Model) -> set[int]:
    """Identities of the raw variables that training the model would change.

    A layer inside a frozen model does not train, whatever its own flag says.
    """
    if is_built(model):
        variables = model.trainable_variables
    else:
        layers = [layer for layer in model.layers if layer.built]
        variables = [v for layer in layers for v in layer.trainable_weights]
    return {id(raw_variable(v)) for v in variables}
