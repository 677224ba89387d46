"""The first dense layer of a network along a line, computed at the two ends alone.

What a dense layer computes before its activation is linear in its weights: between two
networks it is the mean of what the two compute. Of LeNet-300-100 that is nine tenths of
the multiply-adds, which 30 places on a line then share.

    chain = first_layer.chain_of(model)      # None where a model is not of this kind
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from lth_keras.training import composites
from lth_keras.training.evaluation import Evaluator

# Of these nothing but the output of the layer before counts.
_SIMPLE = (
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "ReLU",
    "Softmax",
)
_MOST = 256 * 2**20  # bytes that the outputs of the layer may take at each end


@dataclasses.dataclass(frozen=True)
class Chain:
    """A network that is a chain of layers, by its first dense one.

    Attributes:
        model: the network.
        before: layers without weights.
        first: the first dense layer, without its wrapper.
        after: all other layers.
    """

    model: keras.Model
    before: tuple[Any, ...]
    first: Any
    after: tuple[Any, ...]


def chain_of(model: keras.Model) -> Chain | None:
    """The chain that a model is; None for one that is none, or of other layers.

    None for Keras 3 too, which evaluates it whole.
    """
    if compat.is_keras3(model):
        return None
    calls = compat.calls(model)
    plain = (
        compat.is_functional(model)
        and not model.run_eagerly
        and model.distribute_strategy.num_replicas_in_sync == 1
        and len(model.inputs) == len(model.outputs) == 1
    )
    if not plain:
        return None
    made = str(id(model.inputs[0]))
    ranks = [len(model.inputs[0].shape)]
    simple = [getattr(keras.layers, name) for name in _SIMPLE]
    found: list[Any] = []
    for call in calls:
        inner = getattr(call.layer, "layer", call.layer)
        if call.inputs != [made] or len(call.outputs) != 1:
            return None
        if type(inner) not in simple or inner.compute_dtype != "float32":
            return None
        if inner.activity_regularizer is not None:
            return None  # It is of the output of a call, which there is none of.
        found.append(call.layer)
        made = call.outputs[0][0]
        ranks.append(len(call.outputs[0][1]))
    if made != str(id(model.outputs[0])):
        return None
    for place, layer in enumerate(found):
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, keras.layers.Dense):
            flat = ranks[place] == 2
            parts = tuple(found[:place]), inner, tuple(found[place + 1 :])
            return Chain(model, *parts) if flat else None
        if layer.weights:
            return None
    return None


class Between:
    """An evaluator whose first layer is computed at the two ends of a line alone.

    Args:
        chain: the network.
        evaluator: of it.
    """

    def __init__(self, chain: Chain, evaluator: Evaluator):
        self._chain, self._of = chain, evaluator
        self._alpha = tf.Variable(0.0, trainable=False)
        self._step = tf.function(self._test, reduce_retracing=True)
        self._ended = evaluator  # with the ends of a line

    @staticmethod
    def takes(chain: Chain, evaluator: Evaluator) -> bool:
        """Whether it can be: from arrays, with outputs that do not fill the memory."""
        if evaluator.arrays is None or evaluator.examples is None:
            return False
        data = tf.nest.flatten(evaluator.arrays)
        dense = not any(map(composites.is_composite, data))
        return dense and 4 * evaluator.examples * chain.first.units <= _MOST

    def begin(
        self,
        network: Network,
        first: Sequence[np.ndarray],
        second: Sequence[np.ndarray],
    ) -> None:
        """Computes the first layer at both ends.

        Args:
            network: of the model.
            first: weights at alpha = 0.
            second: weights at alpha = 1.
        """
        assert self._of.arrays is not None
        x, *rest = self._of.arrays
        for layer in self._chain.before:
            x = layer(x, training=False) if _trains(layer) else layer(x)
        own = [id(compat.raw_variable(v)) for v in _variables(self._chain.first)]
        places = {
            id(compat.raw_variable(weight.variable)): place
            for place, weight in enumerate(network.weights)
        }
        ends = []
        for values in (first, second):
            kernel, *bias = (values[places[key]] for key in own)
            ends.append(tf.matmul(tf.cast(x, tf.float32), kernel) + sum(bias))
        self._ended = self._of.through(self._step, [(*ends, *rest)])

    def __call__(self, alpha: float) -> dict[str, float]:
        """Loss and metrics at a place on the line, whose weights the model has."""
        self._alpha.assign(alpha)
        return self._ended()

    def _test(self, batch: Any) -> dict[str, Any]:
        first, second, *targets = batch
        chain = self._chain
        y, weight = (*targets, None)[:2]
        x = (1.0 - self._alpha) * first + self._alpha * second
        if chain.first.activation is not None:
            x = chain.first.activation(x)
        for layer in chain.after:
            x = layer(x, training=False) if _trains(layer) else layer(x)
        chain.model.compute_loss(None, y, x, weight)
        return chain.model.compute_metrics(None, y, x, weight)


def _trains(layer: Any) -> bool:
    """Whether its call takes `training`."""
    return compat.expects(layer, "training")


def _variables(layer: Any) -> list[Any]:
    return [layer.kernel, *([layer.bias] if layer.use_bias else [])]
