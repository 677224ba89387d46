"""How layers without weights pass channels on: elementwise, pooling, shapes, joins."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compacting.graph import Constants, Part, resized


class Passing:
    """Layers that treat every channel by itself, and all of them alike.

    Args:
        borders: whether zeros are added around the image, so that only a constant 0
            stays one.
        function: whether the values change; the layer itself says how.
    """

    joins = ""

    def __init__(self, borders: bool = False, function: bool = False):
        self._borders = borders
        self._function = function

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        (given,) = inputs
        if self._borders:
            return Constants.where(given.zero, given.value)
        if self._function:
            made = layer(tf.constant(given.value[None], layer.compute_dtype))
            return Constants.where(given.known, np.asarray(made, np.float64)[0])
        return given

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
        return Part(resized(layer)(part.tensor), part.channels)


class Flattening:
    """Flatten, and a Reshape to one axis: channels of all places side by side."""

    joins = ""

    def __init__(self, places: int):
        self._places = places

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        (given,) = inputs
        tiled = np.tile(given.known, self._places)
        return Constants(tiled, np.tile(given.value, self._places))

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        return [np.asarray(output.reshape(self._places, -1).any(axis=0))]

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        (part,) = tensors
        wide = len(output) // self._places
        starts = wide * np.arange(self._places)
        channels = (starts[:, None] + part.channels).ravel()
        config = layer.get_config()
        changes = {"target_shape": (-1,)} if "target_shape" in config else {}
        return Part(resized(layer, **changes)(part.tensor), channels)


class Reshaping:
    """A Reshape that leaves the last axis as it is."""

    joins = ""

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        return inputs[0]

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
        target = (*layer.target_shape[:-1], len(part.channels))
        return Part(resized(layer, target_shape=target)(part.tensor), part.channels)


class Joining:
    """Add and its like, and Concatenate along another axis than the last.

    Every channel of the output needs the same channel of each input.

    Args:
        adds: whether it is a sum, so that a constant input is only an offset.
        values: whether the output is one of the inputs at each place, rather than
            computed from all of them.
    """

    joins = "joins it to others, channel by channel"

    def __init__(self, adds: bool = False, values: bool = False):
        self._adds = adds
        self._values = values

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        known = np.all([given.known for given in inputs], axis=0)
        if self._values:
            same = [given.value == inputs[0].value for given in inputs]
            return Constants.where(known & np.all(same, axis=0), inputs[0].value)
        made = layer(
            [tf.constant(given.value[None], layer.compute_dtype) for given in inputs]
        )
        return Constants.where(known, np.asarray(made, np.float64)[0])

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        used = self._used(inputs, output)
        return [output if use else np.zeros_like(output) for use in used]

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        used = self._used(inputs, output)
        parts = [part for part, use in zip(tensors, used, strict=True) if use]
        offsets = [given for given, use in zip(inputs, used, strict=True) if not use]
        common = np.ones_like(output)
        for part in parts:
            common &= np.isin(np.arange(len(output)), part.channels)
        for given in offsets:
            common &= given.known
        channels = np.flatnonzero(common)
        parts = [part.only(channels) for part in parts]
        tensor = parts[0].tensor
        if len(parts) > 1:
            tensor = resized(layer)([part.tensor for part in parts])
        if offsets:
            offset = np.sum([given.value for given in offsets], axis=0)[channels]
            if offset.any():
                tensor = tensor + offset.astype(tensor.dtype.as_numpy_dtype)
        return Part(tensor, channels)

    def _used(self, inputs: list[Constants], output: np.ndarray) -> list[bool]:
        """Which inputs must be there."""
        used = [not self._adds or not given.known[output].all() for given in inputs]
        return used if any(used) else [True] * len(inputs)


class Concatenating:
    """Concatenate along the last axis: channels of all inputs side by side."""

    joins = ""

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        return Constants(
            np.concatenate([given.known for given in inputs]),
            np.concatenate([given.value for given in inputs]),
        )

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        ends = np.cumsum([len(given.known) for given in inputs])
        return np.split(output, ends[:-1])

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        starts = np.cumsum([0, *(len(given.known) for given in inputs)])
        needed = self.requires(layer, inputs, output)
        used = [i for i, channels in enumerate(needed) if channels.any()]
        channels = [starts[i] + tensors[i].channels for i in used]
        parts = [tensors[i].tensor for i in used]
        tensor = resized(layer)(parts) if len(parts) > 1 else parts[0]
        return Part(tensor, np.concatenate(channels))
