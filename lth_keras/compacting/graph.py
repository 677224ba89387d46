"""The graph that `compact` works on: calls of layers, and what it knows of channels.

A channel is a position on the last axis of a tensor. It is constant where it has one
value for every input, at every place of the image or sequence.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, Protocol

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras

# Which inputs that a dense layer does not use are taken out: see `compact`.
Gather = bool | Literal["crop"]


@dataclasses.dataclass(frozen=True)
class Constants:
    """Which channels of a tensor are constant, and their values.

    Attributes:
        known: bool [channels].
        value: float64 [channels]; 0 where not known.
    """

    known: np.ndarray
    value: np.ndarray

    @classmethod
    def none(cls, channels: int) -> Constants:
        return cls(np.zeros(channels, bool), np.zeros(channels))

    @classmethod
    def where(cls, known: np.ndarray, value: np.ndarray) -> Constants:
        return cls(known, np.where(known, value, 0.0).astype(np.float64))

    @property
    def zero(self) -> np.ndarray:
        """bool [channels]: constant and 0."""
        return self.known & (self.value == 0)


class Rule(Protocol):
    """How one kind of layer passes constants on, what it needs, how it shrinks.

    Attributes:
        joins: why its inputs keep channels that it passes on, or "".
    """

    joins: str

    def constants(self, layer: Any, inputs: list[Constants]) -> Constants:
        """What is constant in the output."""

    def requires(
        self, layer: Any, inputs: list[Constants], output: np.ndarray
    ) -> list[np.ndarray]:
        """Channels of each input that must be there for those of the output.

        Args:
            layer: the original layer.
            inputs: what is constant in its inputs.
            output: bool [channels], those of the output that must be there.

        Returns:
            One bool array per input; all False where an input is not used.
        """

    def apply(
        self,
        layer: Any,
        inputs: list[Constants],
        output: np.ndarray,
        tensors: list[Part],
    ) -> Part:
        """The smaller layer, called on the smaller inputs."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A tensor of the smaller model: some channels of one of the original.

    Attributes:
        tensor: the Keras tensor; None where nothing of it is there.
        channels: the original positions of its channels; ascending, but for the
            cropped input of a dense layer, which nothing else sees.
    """

    tensor: Any
    channels: np.ndarray

    def only(self, channels: np.ndarray) -> Part:
        """The part with these of its channels (original positions, ascending)."""
        if len(channels) == len(self.channels):
            return self
        places = np.searchsorted(self.channels, channels)
        # A TensorFlow op layer: it is saved as a name and a list of numbers, and
        # needs nothing of ours to be loaded.
        return Part(tf.gather(self.tensor, places.tolist(), axis=-1), channels)


class Call:
    """One call of a layer in a Functional model.

    Attributes:
        layer: the layer.
        node: Keras's record of the call.
        inputs, outputs: Keras tensors.
        times: how often the model calls the layer.
    """

    def __init__(self, node: Any):
        self.node = node
        self.layer: Any = node.layer
        self.inputs: list[Any] = list(node.keras_inputs)
        self.outputs: list[Any] = tf.nest.flatten(node.outputs)
        self.times = 1

    @property
    def plain(self) -> bool:
        """Whether nothing but dense tensors of known width goes in and out."""
        node = self.node
        given = list(node.call_args[0]) if self._takes_list else list(node.call_args)
        options = [value for value in node.call_kwargs.values() if value is not None]
        return (
            not options
            and len(given) == len(self.inputs)
            and all(a is b for a, b in zip(given, self.inputs, strict=True))
            and len(self.outputs) == 1
            and all(_is_plain(tensor) for tensor in (*self.inputs, *self.outputs))
        )

    @property
    def _takes_list(self) -> bool:
        args = self.node.call_args
        return len(args) == 1 and isinstance(args[0], (list, tuple))


def calls(model: keras.Model) -> list[Call]:
    """The calls that lead from a model's inputs to its outputs, in their order."""
    found: list[Call] = []
    begun: set[int] = set()
    uses: dict[int, int] = {}
    pending = [(tensor.node, False) for tensor in reversed(model.outputs)]
    while pending:
        node, done = pending.pop()
        if done:
            found.append(Call(node))
            uses[id(node.layer)] = uses.get(id(node.layer), 0) + 1
        elif id(node) not in begun:
            begun.add(id(node))
            pending.append((node, True))
            pending.extend((parent, False) for parent in reversed(node.parent_nodes))
    for call in found:
        call.times = uses[id(call.layer)]
    return found


def width(tensor: Any) -> int:
    """Channels of a Keras tensor; 1 where its last axis is not known."""
    shape = tensor.shape
    known = shape.rank is not None and shape.rank >= 2 and shape[-1] is not None
    return int(shape[-1]) if known else 1


def positions(shape: Any) -> int:
    """Places of an image or sequence [batch, ..., channels]; unknown sizes are 1."""
    return int(np.prod([size or 1 for size in tuple(shape)[1:-1]], dtype=np.int64))


def resized(layer: Any, **changes: Any) -> Any:
    """A new layer of the same configuration but for `changes`."""
    config = layer.get_config()
    for name in list(config):
        # The weights come from the original; a constant of its shape would not fit.
        if name.endswith("_initializer"):
            config[name] = "zeros"
    config.update(changes)
    new = type(layer).from_config(config)
    new.trainable = layer.trainable
    return new


def _is_plain(tensor: Any) -> bool:
    rank = tensor.shape.rank
    return isinstance(tensor.type_spec, tf.TensorSpec) and rank is not None and rank > 0
