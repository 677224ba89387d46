"""Which models can be exported as the tickets that they are?

Every format asks before it writes anything; what cannot be is refused in one line.
"""

from __future__ import annotations

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.masking import acts, held
from lth_keras.masking.in_place import plain_copy
from lth_keras.masking.weights import weights_of
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.masking.wrapping import unwrap


def check_model(model: keras.Model) -> keras.Model:
    """Refuses a model that would not be exported as the ticket that it is.

    Returns:
        What is to be exported: the model, or the same without its masks where these
        freeze pruned weights at values, which are weights like all others then.

    Raises:
        LotteryError: called in a graph, not a tf_keras model, wrapped by stock tfmot,
            a layer keeps states between batches, or weights are not on their masks or
            hold NaN.
    """
    if not tf.executing_eagerly():
        raise LotteryError(
            "an export needs eager execution: call it outside of tf.Graph(), "
            "tf.function and tf.compat.v1.disable_eager_execution()."
        )
    compat.require_tf_keras_model(model)
    for layer in compat.layers_within(model):
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            raise LotteryError(
                f"layer {layer.name!r} of model {model.name!r} keeps its states from "
                "batch to batch, which no export does: build the model with "
                "stateful=False and give it these weights, by "
                "set_weights(model.get_weights())."
            )
    wrappers = [
        m for m in compat.layers_within(model) if isinstance(m, PruneLowMagnitude)
    ]
    if not all(isinstance(wrapper, PruneByLevel) for wrapper in wrappers):
        raise LotteryError(
            f"model {model.name!r} is wrapped by stock tfmot: export what "
            "tfmot.sparsity.keras.strip_pruning(model) returns."
        )
    if not model.built:
        return model
    if wrappers or held.is_held(model):
        acts.verify(model)
    weights = weights_of(model)
    for weight in weights:
        value = weight.read()
        # Every other value is itself, and bfloat16 is no kind of float to NumPy.
        if value.dtype.kind in "fcV" and (value != value).any():
            raise LotteryError(
                f"weight {weight.path} of model {model.name!r} holds NaN: export a "
                "level whose training did not diverge."
            )
    if any(weight.frozen is not None for weight in weights):
        return unwrap(model) if wrappers else plain_copy(model)
    return model
