"""What the replicas of a `tf.distribute` strategy share of a batch, and what each has.

A batch is cut into as many parts as there are replicas in the cluster, in order and as
even as can be; of several workers each takes the parts of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from lth_keras.training import composites


def is_replicated(model: Any) -> bool:
    """Whether a tf_keras model computes through a strategy of its own.

    One replica of a TPU does too: nothing else reaches the device.
    """
    strategy = model.distribute_strategy
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return True
    return int(strategy.num_replicas_in_sync) > 1


def bounds(examples: int, replicas: int) -> list[int]:
    """Where the parts of a batch begin, and the end of the last one.

    Args:
        examples: of the batch.
        replicas: of the whole cluster.
    """
    return [examples * number // replicas for number in range(replicas + 1)]


def shared(strategy: Any, batch: Any) -> Any:
    """A batch as the replicas of this process take it, each part on its device.

    Args:
        strategy: of `tf.distribute`.
        batch: nested arrays or tensors whose first dimension counts the examples, the
            same in every worker.
    """
    size = composites.length(tf.nest.flatten(batch)[0])
    cuts = bounds(size, strategy.num_replicas_in_sync)
    # A TPU fetches what it is given from the host.
    fetched = isinstance(strategy, tf.distribute.TPUStrategy)
    devices = iter(strategy.extended.worker_devices)

    def of_replica(context: Any) -> Any:
        number = context.replica_id_in_sync_group
        with tf.device("CPU:0" if fetched else next(devices)):
            return tf.nest.map_structure(
                lambda t: tf.identity(
                    composites.part(t, cuts[number], cuts[number + 1])
                ),
                batch,
            )

    return strategy.experimental_distribute_values_from_function(of_replica)


def copies(model: Any, variables: Iterable[Any]) -> list[Any]:
    """The variables as this process holds them: one for each of its replicas.

    What is read of a copy, or written to it, is of no other replica and no other
    worker.
    """
    results = model.distribute_strategy.experimental_local_results
    return [copy for variable in variables for copy in results(variable)]
