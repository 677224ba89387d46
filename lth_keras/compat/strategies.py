"""Which strategies of `tf.distribute` a search goes with, and which XLA compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras.errors import LotteryError

_OfTpu = tf.distribute.TPUStrategy


def check(model: Any) -> None:
    """Refuses a tf_keras model whose replicas do not train in step.

    Raises:
        LotteryError: says which strategy it is of, or that XLA cannot compile it.
    """
    require_in_step(model)
    strategy = model.distribute_strategy
    if model.jit_compile and not xla_compiles(strategy):
        raise LotteryError(
            f"jit_compile=True: XLA does not compile a step that "
            f"{strategy.num_replicas_in_sync} replicas on CPUs share, and a TPU's in "
            "any case: compile the model without it."
        )


def require_in_step(model: Any) -> None:
    """Refuses a tf_keras model whose workers update weights out of step.

    Raises:
        LotteryError: it is of a ParameterServerStrategy.
    """
    if isinstance(model.distribute_strategy, tf.distribute.ParameterServerStrategy):
        raise LotteryError(
            "the model is of a ParameterServerStrategy, whose workers update weights "
            "out of step, so that no search gives the same twice: use "
            "MirroredStrategy or MultiWorkerMirroredStrategy."
        )


def check_batches(model: Any, batches: Callable[[], Any]) -> None:
    """Refuses batches of more than one size where each would be compiled anew.

    Args:
        model: a tf_keras model.
        batches: f() -> those of a level, as `fit` takes them.

    Raises:
        LotteryError: the model is a TPU's, and its batches have no one size.
    """
    if not isinstance(model.distribute_strategy, _OfTpu):
        return
    spec = getattr(batches(), "element_spec", ())
    if any(not each.shape.is_fully_defined() for each in tf.nest.flatten(spec)):
        raise LotteryError(
            "a TPU takes batches of one size: give a batch_size that divides the "
            "examples, or a Dataset of .batch(size, drop_remainder=True)."
        )


def xla_compiles(strategy: Any) -> bool:
    """Whether XLA is asked to compile a step that the replicas of a strategy share.

    On CPUs it cannot: what the replicas add up within a step is on several devices.
    For a TPU it compiles everything without being asked.

    Args:
        strategy: of `tf.distribute`; the default one has a single replica.
    """
    if isinstance(strategy, _OfTpu):
        return False
    if strategy.num_replicas_in_sync == 1:
        return True
    kinds = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    return all(kind.device_type != "CPU" for kind in kinds)
