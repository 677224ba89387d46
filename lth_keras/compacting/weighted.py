"""How layers with weights shrink: dense, convolutions, normalisation, embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compacting.graph import Constants, Gather, Part, positions, resized
from lth_keras.compacting.inputs import cropped
from lth_keras.compat import keras

_NAMES = (
    "elu exponential gelu hard_sigmoid linear mish relu selu sigmoid softplus "
    "softsign swish tanh"
)
# Each works on every number by itself, so that channels can be taken out before it.
_ELEMENTWISE = {
    *(getattr(keras.activations, n) for n in _NAMES.split()),
    *(getattr(tf.nn, n) for n in "elu leaky_relu relu relu6 selu silu".split()),
    *(getattr(tf.nn, n) for n in "sigmoid softplus softsign tanh".split()),
    *(getattr(tf.math, n) for n in "sigmoid softplus tanh".split()),
}


def is_elementwise(activation: Any) -> bool:
    """Whether an activation function is known to keep channels apart."""
    try:
        return activation in _ELEMENTWISE
    except TypeError:  # not hashable, so none of ours
        return False


def activated(layer: Any, value: np.ndarray) -> np.ndarray:
    """The layer's activation of numbers; float64 [channels]."""
    if layer.activation is None:
        return value
    given = tf.constant(value, layer.compute_dtype)
    return np.asarray(layer.activation(given), np.float64)


class Weighted:
    """Dense layers and convolutions: act(bias + sum over places and inputs).

    Args:
        padded: whether the borders of the image see other inputs than its middle:
            there a constant channel does not add the same everywhere.
        transposed: whether the kernel is [..., outputs, inputs].
        gather: which inputs that are not used are taken out before it, as `compact`
            has it.
    """

    joins = ""

    def __init__(
        self, padded: bool = False, transposed: bool = False, gather: Gather = False
    ):
        self._padded = padded
        self._transposed = transposed
        self._gather = gather

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        (given,) = inputs
        kernel, bias = self._kernel(layer), self._bias(layer)
        if not is_elementwise(layer.activation):
            return Constants.none(kernel.shape[-1])
        varying = ~given.known | (self._padded & (given.value != 0))
        fed = (kernel != 0)[:, varying].any(axis=(0, 1))
        return Constants.where(
            ~fed, activated(layer, bias + self._folded(kernel, given))
        )

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        (given,) = inputs
        used = (self._kernel(layer)[..., self._kept(layer, output)] != 0).any((0, 2))
        needed = used & ~given.known
        if self._padded and (used & given.known & ~given.zero).any():
            needed[_carrier(given)] = True
        if not needed.any():
            # A layer needs some input to know the size of the batch.
            needed[np.argmax(given.known)] = True
        return [needed]

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        (given,), (part,) = inputs, tensors
        kept = self._kept(layer, output)
        if part.tensor.shape.rank == 2:
            (used,) = self.requires(layer, inputs, output)
            if self._gather == "crop":
                part = cropped(part, used[part.channels], int(kept.sum()))
            elif self._gather:
                part = part.only(np.flatnonzero(used))
        kernel = self._kernel(layer)[..., kept]
        bias = self._bias(layer)[kept]
        gone = given.known & (kernel != 0).any((0, 2))
        gone[part.channels] = False
        missing = Constants.where(gone, given.value)
        smaller = kernel[:, part.channels]
        offset = np.zeros_like(bias)
        if not self._padded:
            offset = self._folded(kernel, missing)
        elif (gone & ~missing.zero).any():
            # What constant channels add, borders included, one of them can add.
            carrier = _carrier(given)
            share = missing.value / given.value[carrier]
            place = np.searchsorted(part.channels, carrier)
            smaller[:, place] += np.einsum("kio,i->ko", kernel, share)
        with_bias = layer.use_bias or bool(offset.any())
        size = "units" if isinstance(layer, keras.layers.Dense) else "filters"
        new = resized(layer, use_bias=with_bias, **{size: int(kept.sum())})
        tensor = new(part.tensor)
        shape = tuple(new.kernel.shape)
        if self._transposed:
            smaller = np.swapaxes(smaller, -1, -2)
        values = [smaller.reshape(shape), bias + offset]
        new.set_weights(values if with_bias else values[:1])
        return Part(tensor, np.flatnonzero(kept))

    def multiply_adds(self, layer: Any, given: Any, made: Any) -> int:
        """Of one example: kernel entries times the places that they work on."""
        places = positions(given.shape if self._transposed else made.shape)
        return int(np.prod(layer.kernel.shape)) * places

    def why(self, layer: Any) -> str:
        """Why no unit of the layer can go, or ""."""
        if is_elementwise(layer.activation):
            return ""
        name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
        return f"{name} may mix its units"

    def _kept(self, layer: Any, output: np.ndarray) -> np.ndarray:
        everything = not is_elementwise(layer.activation)
        return np.ones_like(output) if everything else output

    def _kernel(self, layer: Any) -> np.ndarray:
        """The kernel as [places, inputs, outputs], a copy."""
        value = np.array(keras.backend.get_value(layer.kernel), np.float64)
        if self._transposed:
            value = np.swapaxes(value, -1, -2)
        return value.reshape(-1, *value.shape[-2:])

    def _bias(self, layer: Any) -> np.ndarray:
        if layer.use_bias:
            return np.asarray(keras.backend.get_value(layer.bias), np.float64)
        return np.zeros(self._kernel(layer).shape[-1])

    def _folded(self, kernel: np.ndarray, given: Constants) -> np.ndarray:
        """What constant inputs add to each output where all of the kernel sees them."""
        return np.einsum("kio,i->o", kernel, given.value)


def _carrier(given: Constants) -> int:
    """The constant channel that stands for all others before a padded kernel."""
    return int(np.argmax(np.abs(given.value)))


class Depthwise:
    """Depthwise convolutions with one output per input channel."""

    joins = ""

    def __init__(self, padded: bool):
        self._padded = padded

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        (given,) = inputs
        kernel, bias = self._kernel(layer), self._bias(layer)
        varying = ~given.known | (self._padded & (given.value != 0))
        fed = varying & (kernel != 0).any(axis=0)
        return Constants.where(
            ~fed, activated(layer, bias + kernel.sum(0) * given.value)
        )

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        return [output]

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        (part,) = tensors
        new = resized(layer)
        tensor = new(part.tensor)
        kernel = layer.get_weights()[0][..., part.channels, :]
        new.set_weights([kernel, *(w[part.channels] for w in layer.get_weights()[1:])])
        return Part(tensor, part.channels)

    def multiply_adds(self, layer: Any, given: Any, made: Any) -> int:
        """Of one example."""
        return int(np.prod(layer.depthwise_kernel.shape)) * positions(made.shape)

    def why(self, layer: Any) -> str:
        return ""

    def _kernel(self, layer: Any) -> np.ndarray:
        """The kernel as [places, channels]."""
        value = np.asarray(layer.get_weights()[0], np.float64)[..., 0]
        return value.reshape(-1, value.shape[-1])

    def _bias(self, layer: Any) -> np.ndarray:
        bias = layer.get_weights()[1:]
        return np.asarray(bias[0] if bias else 0.0, np.float64)


class Normalisation:
    """Batch normalisation as it predicts: a scale and an offset per channel."""

    joins = ""

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        (given,) = inputs
        value = {n: np.asarray(w, np.float64) for n, w in self._weights(layer).items()}
        spread = np.sqrt(value["moving_variance"] + layer.epsilon)
        scale = value.get("gamma", 1.0) / spread
        offset = value.get("beta", 0.0) - value["moving_mean"] * scale
        return Constants.where(given.known | (scale == 0), given.value * scale + offset)

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        return [output]

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        (part,) = tensors
        new = resized(layer)
        tensor = new(part.tensor)
        for name, value in self._weights(layer).items():
            getattr(new, name).assign(value[part.channels])
        return Part(tensor, part.channels)

    def multiply_adds(self, layer: Any, given: Any, made: Any) -> int:
        return 0

    def why(self, layer: Any) -> str:
        return ""

    def _weights(self, layer: Any) -> dict[str, np.ndarray]:
        names = ["moving_mean", "moving_variance"]
        names += ["gamma"] * layer.scale + ["beta"] * layer.center
        return {n: keras.backend.get_value(getattr(layer, n)) for n in names}


class Lookup:
    """Embedding tables, whose columns are channels."""

    joins = ""

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        (table,) = layer.get_weights()
        return Constants.where((table == table[:1]).all(axis=0), table[0])

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        return [np.ones_like(given.known) for given in inputs]

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        new = resized(layer, output_dim=int(output.sum()))
        tensor = new(tensors[0].tensor)
        new.set_weights([layer.get_weights()[0][:, output]])
        return Part(tensor, np.flatnonzero(output))

    def multiply_adds(self, layer: Any, given: Any, made: Any) -> int:
        return 0

    def why(self, layer: Any) -> str:
        return ""
