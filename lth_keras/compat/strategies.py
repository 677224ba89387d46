"""Which strategies of `tf.distribute` a search goes with, and which XLA compiles."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lth_keras.errors import LotteryError


def check(model: Any) -> None:
    """Refuses a tf_keras model whose replicas do not train in step.

    Raises:
        LotteryError: says which strategy it is of, or that XLA cannot compile it.
    """
    strategy = model.distribute_strategy
    if isinstance(strategy, tf.distribute.ParameterServerStrategy):
        raise LotteryError(
            "the model is of a ParameterServerStrategy, whose workers update weights "
            "out of step, so that no search gives the same twice: use "
            "MirroredStrategy or MultiWorkerMirroredStrategy."
        )
    if model.jit_compile and not xla_compiles(strategy):
        raise LotteryError(
            f"jit_compile=True: XLA does not compile a step that "
            f"{strategy.num_replicas_in_sync} replicas on CPUs share: compile the "
            "model without it."
        )


def xla_compiles(strategy: Any) -> bool:
    """Whether XLA compiles a step that the replicas of a strategy share.

    On CPUs it cannot: what the replicas add up within a step is on several devices.

    Args:
        strategy: of `tf.distribute`; the default one has a single replica.
    """
    if strategy.num_replicas_in_sync == 1:
        return True
    kinds = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    return all(kind.device_type != "CPU" for kind in kinds)
