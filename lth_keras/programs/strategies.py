"""--strategy: the devices that the flags name, as a strategy of `tf.distribute`."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.options import Options
from lth_keras.programs.strategy_flags import MIRRORED, MULTIWORKER, NONE, TPU
from lth_keras.training import cluster


def of(options: Options) -> Any:
    """The strategy, the same one for every search of a process; None for none.

    The first call must come before anything is computed.

    Raises:
        FlagError: the devices are not there, or do not share the batches evenly.
    """
    found = _MADE[options.strategy](options.devices)
    if found is None:
        return None
    replicas = found.num_replicas_in_sync
    if options.batch_size % replicas:
        raise FlagError(
            f"--batch_size={options.batch_size}, over all {replicas} replicas of "
            f"--strategy={options.strategy}, gives them no equal parts: use a multiple "
            f"of {replicas}"
        )
    if options.jit == "on" and not compat.xla_compiles(found):
        raise FlagError(
            f"--jit=on: XLA is not asked to compile a step that {replicas} replicas on "
            "CPUs share, or a TPU's, which it compiles in any case: use --jit=auto"
        )
    return found


@contextlib.contextmanager
def together(options: Options) -> Iterator[None]:
    """A job of one process; or of all workers, of which the chief writes.

    Raises:
        FlagError: as `of`.
        LotteryError: another worker was lost, or reported what went wrong.
    """
    with cluster.joined(of(options)):
        yield


def scope(options: Options) -> Any:
    """The context in which models are made and compiled."""
    found = of(options)
    return contextlib.nullcontext() if found is None else found.scope()


@functools.cache
def mirrored(devices: int | None = None) -> Any:
    """The devices of this machine that share a batch, as --strategy=mirrored has them.

    Args:
        devices: how many GPUs, or parts of the CPU where there is none; None for all
            GPUs.

    Raises:
        FlagError: they are not there.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if devices is None and not gpus:
        raise FlagError(
            f"--strategy={MIRRORED}: there is no GPU here; --devices=2 trains on two "
            "parts of the CPU"
        )
    if devices is not None and gpus and devices > len(gpus):
        raise FlagError(
            f"--devices={devices}: there are {len(gpus)} GPUs here; use at most that"
        )
    kind = "GPU" if gpus else "CPU"
    count = devices or len(gpus)
    named = [f"{kind}:{n}" for n in range(count)]
    if kind == "GPU":
        return tf.distribute.MirroredStrategy(named)
    _divide_cpu(count)
    # By itself it would send gradients round a ring in pieces, as between machines.
    added_in_place = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(named, added_in_place)


def _divide_cpu(parts: int) -> None:
    """Makes logical devices of the CPU, which has one until TensorFlow starts."""
    (cpu, *_) = tf.config.list_physical_devices("CPU")
    made = tf.config.get_logical_device_configuration(cpu) or [None]
    if len(made) >= parts:
        return
    try:
        each = [tf.config.LogicalDeviceConfiguration()] * parts
        tf.config.set_logical_device_configuration(cpu, each)
    except RuntimeError:
        raise FlagError(
            f"--devices={parts}: TensorFlow has started with {len(made)} parts of the "
            "CPU in this process: start the program anew"
        ) from None


@functools.cache
def _multiworker(devices: int | None) -> Any:
    del devices  # Those of each worker are its own.
    try:
        config = json.loads(os.environ.get("TF_CONFIG", "{}"))
        known = config["cluster"]["worker"] and config["task"]["type"]
    except (KeyError, TypeError, ValueError):
        known = None
    if not known:
        raise FlagError(
            f"--strategy={MULTIWORKER}: TF_CONFIG does not say which worker this is: "
            'set it to {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
            '"worker", "index": 0}}, with another index for each'
        )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FlagError(f"--strategy={MULTIWORKER}: {reason}") from error


@functools.cache
def _tpu(devices: int | None) -> Any:
    del devices  # All of its cores.
    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FlagError(
            f"--strategy={TPU}: there is no TPU by the name of TPU_NAME={name} "
            f"({reason[:120]})"
        ) from error


_MADE: dict[str, Any] = {
    NONE: lambda devices: None,
    MIRRORED: mirrored,
    MULTIWORKER: _multiworker,
    TPU: _tpu,
}
