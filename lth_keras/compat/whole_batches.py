"""Batches that replicas on parts of one CPU take whole, and cut within their step.

A distributed dataset cuts a batch before the step, and hands each part to its device
through threads and queues of that device's, which a small network waits for. Parts of
one CPU share its memory: there each replica reads its own rows of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras


class WholeBatches(tf.distribute.DistributedDataset):
    """A dataset that `fit` hands to the steps as it is.

    Args:
        dataset: of batches of one size.
    """

    def __init__(self, dataset: tf.data.Dataset):
        self._dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = iter(self._dataset)
        return found

    @property
    def element_spec(self) -> Any:
        return self._dataset.element_spec

    def map(self, function: Callable[..., Any]) -> WholeBatches:
        """As of a dataset: Keras adds class weights by it."""
        return WholeBatches(self._dataset.map(function))


class Parts:
    """An iterator of batches in parts, one for each replica.

    Args:
        iterator: of whole batches of one size.
        strategy: of the replicas.
    """

    def __init__(self, iterator: tf.data.Iterator, strategy: tf.distribute.Strategy):
        self._iterator, self._strategy = iterator, strategy

    def __iter__(self) -> Parts:
        return self

    def __next__(self) -> Any:
        return self._strategy.run(_own_part, args=(next(self._iterator),))


def may_stay_whole(model: keras.Model, data: Any) -> bool:
    """Whether the replicas of a model may cut the batches of some data themselves.

    Where each batch has one part for every replica, all of one size, these are the
    parts that a distributed dataset has. Of other batches it has parts of its own.

    Args:
        model: whose replicas are on the devices of one process.
        data: what `fit` is given.
    """
    strategy = model.distribute_strategy
    if not isinstance(data, tf.data.Dataset) or not _on_parts_of_a_cpu(strategy):
        return False
    specs = tf.nest.flatten(data.element_spec)
    sizes = {
        each.shape[0] if isinstance(each, tf.TensorSpec) and each.shape.rank else None
        for each in specs
    }
    size = sizes.pop() if len(sizes) == 1 else None
    endless = data.cardinality() == tf.data.INFINITE_CARDINALITY
    return bool(size and size % strategy.num_replicas_in_sync == 0 and endless)


def _on_parts_of_a_cpu(strategy: tf.distribute.Strategy) -> bool:
    if type(strategy) is not tf.distribute.MirroredStrategy:
        return False
    devices = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    several = strategy.num_replicas_in_sync > 1
    return several and all(each.device_type == "CPU" for each in devices)


def _own_part(batch: Any) -> Any:
    context = tf.distribute.get_replica_context()
    number, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync

    def part(tensor: tf.Tensor) -> tf.Tensor:
        size = tensor.shape[0] // replicas
        return tensor[number * size : (number + 1) * size]

    return tf.nest.map_structure(part, batch)
