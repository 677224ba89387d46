"""How do dense layers and convolutions shrink? Inputs, outputs, constants in the bias.

A constant input becomes part of the bias; units that nothing uses are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras.compacting.activations import activated, is_elementwise
from lth_keras.compacting.graph import Constants, Gather, Part, positions, resized
from lth_keras.compacting.inputs import cropped
from lth_keras.compat import keras


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
