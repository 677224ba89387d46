"""Epoch-shuffled batches of in-memory arrays from (seed, level, epoch).

The stream can begin at any global step and is there what it would have been had
it run from step 0, which is what rewinding to step k and resuming need:

    dataset = batches((x, y), batch_size=60, seed=0, level=3, start=500)
    model.fit(dataset, steps_per_epoch=steps_per_epoch(len(x), 60), epochs=3)
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.training import composites

# Batches made ahead of the training step. Two hide the pipeline behind a step;
# more only hold memory.
_PREFETCH = 2
_CHUNK = 16
_CHUNK_BYTES = 4 * 2**20
# A new dataset is made for each level: to look for tensors in `if` and `for`, which
# are not there, would take longer than to trace it.
_plain = tf.autograph.experimental.do_not_convert


def steps_per_epoch(size: int, batch_size: int, drop_remainder: bool = False) -> int:
    """Number of batches in one pass over the data.

    Args:
      size: examples in the data, at least 1.
      batch_size: examples per batch, at least 1.
      drop_remainder: whether a last, smaller batch is left out.

    Returns:
      `size / batch_size`, rounded down with `drop_remainder`, up without.

    Raises:
      LotteryError: if `size` or `batch_size` is below 1, or if no whole batch is
        left with `drop_remainder`.
    """
    _check_integer("batch_size", batch_size, 1)
    if size < 1:
        raise LotteryError("The data are empty; at least 1 example is needed.")
    if not drop_remainder:
        return -(-size // batch_size)
    if batch_size > size:
        raise LotteryError(
            f"batch_size={batch_size} is more than the {size} examples there are, "
            f"and smaller batches are dropped; use at most {size}."
        )
    return size // batch_size


def batches(
    arrays: Any,
    batch_size: int,
    *,
    seed: int = 0,
    level: int = 0,
    start: int = 0,
    shuffle: bool = True,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Endless dataset of batches, each epoch in an order of its own.

    The order of an epoch is a permutation fixed by (seed, level, epoch) alone: it
    is the same in another process, and does not depend on `start` or `batch_size`.
    Whole batches are gathered by index; skipped ones are never made. The element
    spec depends on neither seed, level nor start, so a train function traced once
    serves them all. Under `tf.distribute` the replicas share each batch.

    Args:
      arrays: nested structure (tuples, dicts) of arrays or tensors, ragged and sparse
        ones too, whose first dimension counts the examples, such as `(x, y)`,
        `(x, y, sample_weight)` or `({"a": xa, "b": xb}, y)`. Lists become tuples.
        Pass tensors to share one copy between many datasets; arrays are copied into
        tensors here.
      batch_size: examples per batch.
      seed: seed of the data order, a 64-bit integer.
      level: pruning level, which has its own order; below 2**31.
      start: global step to begin at: epoch `start // steps_per_epoch`, batch
        `start % steps_per_epoch` of it.
      shuffle: False keeps the order of the arrays in every epoch.
      drop_remainder: whether to leave out a last, smaller batch; the batch
        dimension is static then, and where the batch size divides the data.

    Returns:
      An infinite `tf.data.Dataset` with the structure of `arrays`.

    Raises:
      LotteryError: if the lengths differ, there are no examples, an integer is out
        of its range, or no whole batch is left with `drop_remainder`.
    """
    _check_integer("seed", seed, -(2**63), 2**63)
    _check_integer("level", level, 0, 2**31)
    _check_integer("start", start, 0, 2**63)
    tensors = tf.nest.map_structure(_tensor, _tuples_for_lists(arrays))
    size = _common_length(tensors)
    steps = steps_per_epoch(size, batch_size, drop_remainder)
    whole_steps = size // batch_size
    # Rows of no one length come a batch at a time: a slice would be no batch of them.
    ragged = any(map(composites.is_composite, tf.nest.flatten(tensors)))
    chunk = 1 if ragged else _batches_per_chunk(tensors, batch_size)
    first_epoch, first_step = divmod(int(start), steps)

    rows = tf.nest.map_structure(composites.rows_of, tensors)

    def gather(indices: tf.Tensor) -> Any:
        return tf.nest.map_structure(lambda rows_at: rows_at(indices), rows)

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.range(size, dtype=tf.int64)
        if shuffle:
            order = order_of(size, seed, level, epoch)

        def chunk_batches(step: tf.Tensor) -> tf.data.Dataset:
            end = tf.minimum(step + chunk, whole_steps)
            chosen = tf.reshape(
                order[step * batch_size : end * batch_size], [-1, batch_size]
            )
            return tf.data.Dataset.from_tensor_slices(gather(chosen))

        def batch_at(step: tf.Tensor) -> Any:
            return gather(order[step * batch_size : (step + 1) * batch_size])

        begin = tf.where(epoch == first_epoch, tf.constant(first_step, tf.int64), 0)
        if ragged:
            return tf.data.Dataset.range(begin, steps).map(_plain(batch_at))
        chunks = tf.data.Dataset.range(begin, whole_steps, chunk)
        stream = chunks.flat_map(_plain(chunk_batches))
        if steps > whole_steps:
            last = tf.data.Dataset.from_tensors(
                gather(order[whole_steps * batch_size :])
            )
            stream = stream.concatenate(last)
        return stream

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    dataset = epochs.flat_map(_plain(epoch_batches))
    # Keras asks for steps_per_epoch when it knows that a dataset has no end.
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    )
    return dataset.prefetch(_PREFETCH).with_options(_options())


def order_of(size: int, seed: int, level: int, epoch: Any) -> tf.Tensor:
    """The order of an epoch: int64 indices of all examples.

    Args:
        size: examples.
        seed: seed of the data order.
        level: pruning level.
        epoch: its number, from 0; an int64 tensor, or a number.
    """
    # One 64-bit word holds level and epoch side by side, so that no two pairs share a
    # key. The algorithm is named because the automatic choice depends on the device.
    key = tf.stack([tf.constant(seed, tf.int64), level * 2**32 + epoch])
    order = tf.range(size, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(order, seed=key, alg="philox")


def _batches_per_chunk(tensors: Any, batch_size: int) -> int:
    # Calling a function from tf.data costs more than gathering a small batch does,
    # so several batches are gathered at a time, as long as they fit a CPU cache.
    example_bytes = sum(
        tensor.dtype.size * int(np.prod(tensor.shape[1:]))
        for tensor in tf.nest.flatten(tensors)
    )
    batch_bytes = max(1, example_bytes * batch_size)
    return max(1, min(_CHUNK, _CHUNK_BYTES // batch_bytes))


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # The autotuner keeps the end of a short fit waiting for its next wake-up.
    options.autotune.enabled = False
    options.deterministic = True
    # They would write out the pipeline, and with it a copy of all the arrays.
    options.experimental_optimization.apply_default_optimizations = False
    # Said outright: the default (AUTO) first tries to shard files and warns.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return options


def _check_integer(name: str, value: int, least: int, end: int | None = None) -> None:
    try:
        valid = least <= operator.index(value) and (end is None or value < end)
    except TypeError:
        valid = False
    if not valid:
        below = "" if end is None else f" below {end}"
        raise LotteryError(
            f"{name}={value!r} is not allowed; use an integer of at least {least}"
            f"{below}."
        )


def _tuples_for_lists(structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _tuples_for_lists(value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return tuple(_tuples_for_lists(value) for value in structure)
    return structure


def _tensor(array: Any) -> tf.Tensor:
    if composites.is_composite(array):
        return array
    # The pipeline runs on the CPU; tensors left on a GPU would travel every batch.
    try:
        with tf.device("CPU:0"):
            tensor = tf.identity(tf.convert_to_tensor(array))
    except (TypeError, ValueError) as error:
        raise LotteryError(
            f"A {type(array).__name__} among the arrays is no tensor "
            f"({str(error).splitlines()[0]}); pass NumPy arrays or tensors."
        ) from error
    if tensor.shape.rank == 0:
        raise LotteryError(
            "A single number stands among the arrays; pass NumPy arrays or tensors "
            "with one entry per example, no lists of numbers."
        )
    return tensor


def _common_length(tensors: Any) -> int:
    lengths = [composites.length(tensor) for tensor in tf.nest.flatten(tensors)]
    if not lengths:
        raise LotteryError("There are no arrays; pass at least one, such as (x, y).")
    if len(set(lengths)) > 1:
        raise LotteryError(
            f"The arrays have {', '.join(map(str, lengths))} examples; all must have "
            "equally many."
        )
    return lengths[0]
