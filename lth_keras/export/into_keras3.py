"""What was found, back in the Keras 3 model that it began with.

lth.write_to(keras3_model, model)     # exact zeros; then it exports as always
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.converting import checks, weights
from lth_keras.converting.conversion import check_keras3_model
from lth_keras.converting.weights import Pairs
from lth_keras.errors import LotteryError
from lth_keras.masking.wrapping import unwrap

_INSTEAD = "give what lth.from_keras3 or lth.wrap made of it."


def write_to(keras3_model: Any, model: keras.Model) -> Any:
    """Gives a Keras 3 model the weights of the tf_keras model that was made of it.

    Args:
        keras3_model: a built Sequential or Functional model of Keras 3, on any backend;
            all of its weights are replaced, and nothing else.
        model: what `lth.from_keras3` or `lth.wrap` made of it, or of one of the same
            architecture: wrapped, unwrapped or loaded from a file. It is only read.

    Returns:
        `keras3_model`, which then predicts what `model` does, with exact zeros where
        that has them; what Keras 3 saves and exports of it holds them too.

    Raises:
        LotteryError: names the first layer without a counterpart. The weights are then
            what they were.
    """
    check_keras3_model(keras3_model)
    compat.require_tf_keras_model(model)
    wrapped = any(isinstance(m, PruneLowMagnitude) for m in compat.layers_within(model))
    plain = unwrap(model) if wrapped else model
    if not (keras3_model.built and plain.built):
        raise LotteryError(
            "a model without weights yet cannot be written from or to: build both."
        )
    twins = weights.twins(_paired(keras3_model, plain))
    before = [weights.read(twin.source) for twin in twins]
    try:
        for twin in twins:
            value = weights.raw(twin.made)
            twin.source.assign(value)
            # A variable of another dtype would round, and could lose a zero.
            if not np.array_equal(weights.read(twin.source), value, equal_nan=True):
                raise LotteryError(
                    f"{twin.source.path} is of another dtype than in the model: "
                    f"{_INSTEAD}"
                )
        ends = _ends(keras3_model, plain)
        checks.check_same(keras3_model, plain, ends, (), _INSTEAD)
    except BaseException:
        for twin, value in zip(twins, before, strict=True):
            twin.source.assign(value)
        raise
    return keras3_model


def _paired(source: Any, made: Any) -> Pairs:
    """The layers of both by their names, or, of another build, by their order.

    Keras numbers the layers that have no name of their own anew in each build. That
    the order is the same shows by kinds and shapes, and by the predictions.
    """
    ours = [layer for layer in source.layers if layer.weights]
    theirs = [layer for layer in made.layers if layer.weights]
    by_name = {layer.name: layer for layer in theirs}
    missing = [layer.name for layer in ours if layer.name not in by_name]
    if not missing:
        theirs = [by_name[layer.name] for layer in ours]
    elif [_kind(layer) for layer in ours] != [_kind(layer) for layer in theirs]:
        raise LotteryError(
            f"the model has no layer {missing[0]!r}, which the Keras 3 model has: "
            f"{_INSTEAD}"
        )
    found = [(source, made)]
    for layer, twin in zip(ours, theirs, strict=True):
        inside = hasattr(layer, "layers") and hasattr(twin, "layers")
        found += _paired(layer, twin) if inside else [(layer, twin)]
    return found


def _kind(layer: Any) -> str:
    """A class's name; graph models of either Keras have one in common."""
    return "model" if hasattr(layer, "layers") else type(layer).__name__


def _ends(source: Any, made: keras.Model) -> list[tuple[Any, Any]]:
    outputs = compat.keras3().tree.flatten(made.output)
    return list(zip(source.outputs, outputs, strict=True))
