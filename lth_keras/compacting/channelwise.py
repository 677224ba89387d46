"""How do layers shrink that treat each channel by itself?

Depthwise convolutions and batch normalisation hand a channel on as long as it is
needed behind them; an embedding table loses the columns that are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras.compacting.activations import activated
from lth_keras.compacting.graph import Constants, Part, positions, resized
from lth_keras.compat import keras


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
