"""In what batches arrays are evaluated: `fit`'s own, larger where that costs nothing.

Batches of 1,000 examples keep a small network's evaluation as quick as it can be; a
large one's activations would take gigabytes in them.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import composites

_DEFAULT = 32  # examples; Keras's own default
_MOST = 1000  # examples; more make no evaluation quicker
_CAP = 128 * 2**20  # bytes of activations that are alive at a time
_TRIED = 2  # examples; with one, layers that squeeze would drop the first dimension


class BatchRule:
    """The batch size of an evaluation on arrays.

    Args:
        model: a built, compiled model.
        batch_size: that of the training, None for Keras's default. More examples are
            taken at a time while their activations stay below a cap in bytes.
        exactly: `validation_batch_size`, which is taken as it is, or None.

    Attributes:
        fixed: the batch size that the model was declared with, which must be kept, or
            None.
    """

    def __init__(
        self,
        model: keras.Model,
        batch_size: int | None = None,
        exactly: int | None = None,
    ):
        self._model, self._exactly = model, exactly
        self._least = batch_size or _DEFAULT
        self.fixed = compat.trainer_of(model).fixed_batch_size(model)
        self._bytes: dict[str, float] = {}  # by the kind of examples

    def size(self, arrays: tuple[Any, ...]) -> int:
        """Examples of a batch.

        Args:
            arrays: (x, y, ...) as tensors, all of the same length.

        Raises:
            LotteryError: the model's own batch size does not divide the examples.
        """
        examples = composites.length(tf.nest.flatten(arrays)[0])
        if self.fixed is not None:
            check_fixed(self.fixed, self._exactly, examples)
            return self.fixed
        if self._exactly is not None:
            return self._exactly
        least = min(self._least, _MOST)
        if examples <= least:
            return least
        found = self._bytes_per_example(arrays[0])
        return least if found is None else min(_MOST, max(least, int(_CAP / found)))

    def _bytes_per_example(self, x: Any) -> float | None:
        """The memory that one example takes in the model, None where nobody can say."""
        if any(map(composites.is_composite, tf.nest.flatten(x))):
            return None
        specs = tf.nest.map_structure(
            lambda t: tf.TensorSpec([_TRIED, *t.shape[1:]], t.dtype), x
        )
        key = str(specs)
        if key not in self._bytes and compat.is_keras3(self._model):
            size = compat.keras3_bytes_per_example(self._model)
            if size is None:
                return None
            self._bytes[key] = size
        if key not in self._bytes:
            forward = tf.function(lambda inputs: self._model(inputs, training=False))
            try:
                with compat.untouched_generators():
                    with self._model.distribute_strategy.scope():
                        graph = forward.get_concrete_function(specs).graph
            except Exception:
                # Whatever a model's own code raises when it is traced.
                return None
            self._bytes[key] = max(1.0, _peak(graph, tf.nest.flatten(specs)) / _TRIED)
        return self._bytes[key]


def check_fixed(fixed: int, batch_size: int | None, examples: int) -> None:
    """Refuses examples that a model of a fixed batch size cannot take.

    Args:
        fixed: the batch size that the model was declared with.
        batch_size: the one that is asked for, or None.
        examples: how many there are.

    Raises:
        LotteryError: says which numbers go.
    """
    if batch_size not in (None, fixed):
        raise LotteryError(
            f"a batch size of {batch_size} does not fit a model declared with batches "
            f"of {fixed}: pass batch_size={fixed}, or declare the Input without one."
        )
    if examples % fixed:
        fitting = examples - examples % fixed
        raise LotteryError(
            f"{examples} examples are no whole number of batches of {fixed}, which the "
            f"model was declared with: give {fitting or fixed}, or declare the Input "
            "without a batch size."
        )


def cut(arrays: tuple[Any, ...], size: int) -> list[tuple[Any, ...]]:
    """The arrays as batches of `size` examples, the last one of the rest."""
    examples = composites.length(tf.nest.flatten(arrays)[0])
    return [
        tf.nest.map_structure(lambda t, i=i: composites.part(t, i, i + size), arrays)
        for i in range(0, examples, size)
    ]


def _peak(graph: Any, inputs: list[Any]) -> int:
    """The most bytes that tensors of the batch hold at once, in the order of the graph.

    A tensor lives from the op that makes it to the last that reads it. Weights, which
    a larger batch does not enlarge, do not count, nor what goes on inside a loop.
    """
    ops = graph.get_operations()
    last = {t.name: index for index, op in enumerate(ops) for t in op.inputs}
    alive = {t.name: _bytes(t) for t in graph.inputs[: len(inputs)]}
    of_batch, now = set(alive), sum(alive.values())
    most = now
    for index, op in enumerate(ops):
        if any(t.name in of_batch for t in op.inputs):
            found = {t.name: _bytes(t) for t in op.outputs}
            of_batch.update(found)
            alive.update(found)
            now += sum(found.values())
            most = max(most, now)
        for name in {t.name for t in op.inputs}:
            if last[name] == index:
                now -= alive.pop(name, 0)
    # The loss keeps targets and a few tensors like them beside the outputs.
    return most + 2 * sum(_bytes(t) for t in graph.outputs)


def _bytes(tensor: Any) -> int:
    return int(tensor.dtype.size * (tensor.shape.num_elements() or 0))
