"""The batches of `batches`, as NumPy arrays, for backends other than TensorFlow.

A Dataset would make each batch in TensorFlow, only to have it copied out of it again:
for a small network that takes longer than the step. The order is the same, bit for bit.

    numpy_batches((x, y), batch_size=60, seed=0, level=3, start=500)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.training import batches


def numpy_batches(
    arrays: Any,
    batch_size: int,
    *,
    seed: int = 0,
    level: int = 0,
    start: int = 0,
    shuffle: bool = True,
) -> Iterator[Any]:
    """An endless generator of batches, each epoch in an order of its own.

    Args:
        arrays: nested structure of NumPy arrays, all of as many examples.
        batch_size: examples per batch.
        seed: seed of the data order.
        level: pruning level, which has its own order.
        start: global step to begin at.
        shuffle: False keeps the order of the arrays in every epoch.
    """
    size = len(tf.nest.flatten(arrays)[0])
    steps = batches.steps_per_epoch(size, batch_size)
    epoch, first = divmod(start, steps)
    while True:
        order = np.arange(size)
        if shuffle:
            order = batches.order_of(size, seed, level, epoch).numpy()
        for step in range(first, steps):
            rows = order[step * batch_size : (step + 1) * batch_size]
            yield tf.nest.map_structure(lambda a, rows=rows: a[rows], arrays)
        epoch, first = epoch + 1, 0
