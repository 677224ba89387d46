"""search.json: the settings a search was started with, and the check against them.

A run directory holds one search. Started again with the same settings it goes on;
with others it would mix two experiments, and is refused.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.pruning.settling import MaskConverged
from lth_keras.training.plan import Plan


def optimizer(model: Any) -> Any:
    """The optimizer's configuration as plain data.

    Raises:
        LotteryError: its `get_config` fails, or that of its schedule, by which a
            resumed search is compared.
    """
    trainer = compat.trainer_of(model)
    schedule = trainer.learning_rate_schedule(model.optimizer)
    if schedule is not None:
        _configuration("the learning-rate schedule", schedule)
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    _configuration("the optimizer", inner)
    return _plain(trainer.keras.optimizers.serialize(model.optimizer))


def _configuration(what: str, part: Any) -> None:
    try:
        _plain(part.get_config())
    except Exception as error:  # Whatever a class of the user's own raises.
        reason = (str(error).strip().splitlines() or [""])[0][:100]
        names = list(inspect.signature(type(part).__init__).parameters)[1:]
        entries = ", ".join(f'"{name}": ...' for name in names[:4])
        raise LotteryError(
            f"{what} {type(part).__name__} has no get_config that works "
            f"({type(error).__name__}: {reason}), by which a search that goes on knows "
            f"its settings: add get_config(self) that returns {{{entries}}} as plain "
            "numbers."
        ) from None


def settings(
    network: Network,
    plan: Plan,
    *,
    levels: int,
    rewind_step: int,
    optimizer_state: str,
    optimizer: Any,
    first: str = "train",
    rewind: str = "weights",
    stop: MaskConverged | None = None,
) -> dict[str, Any]:
    """What decides a search's results, as plain data.

    Thread counts, devices and the jit choice belong to it: another of these gives
    results that differ in the last bits.
    """
    model, recipe = network.model, network.recipe
    every = range(max(1, len(plan.lengths)))
    threads, devices = plan.trainer.threads_and_devices()
    found = {
        "levels": levels,
        "rewind_to": rewind_step,
        "optimizer_state": optimizer_state,
        "seed": plan.seed,
        "trial": plan.trial,
        "monitor": plan.monitor,
        "evaluate_every": plan.evaluate_every,
        "epochs": _same([plan.of(level).epochs for level in every]),
        "initial_epoch": plan.first_epoch,
        "steps_per_epoch": _same(
            [plan.of(level).feed.steps_per_epoch for level in every]
        ),
        **plan.feed.settings(),
        **plan.data,
        "class_weight": plan.fit_arguments.get("class_weight"),
        # By position: the names of layers change between builds.
        **recipe.settings(),
        "architecture": [
            f"{w.kind} {list(w.shape)}{' pruned' if w.is_pruned else ''}"
            # As manifests always had them.
            for w in (network.weights[index] for index in network.keras_order)
        ],
        "optimizer": optimizer,
        "loss": _named(model.loss),
        "jit_compile": bool(model.jit_compile),
        "threads": threads,
        "devices": devices,
        "replicas": plan.trainer.replicas(model),
        **plan.trainer.told,
    }
    further = {
        name: plan.trainer.keras.optimizers.serialize(one)
        for name, one in network.optimizers.items()
        if name
    }
    if further:
        found["optimizers"] = further
    if first != "train":
        # Manifests from before one could choose do not say it.
        found["first"] = first
    if rewind != "weights":
        found["rewind"] = rewind
    if stop is not None:
        found["stop"] = stop.settings()
    return _plain(found)


def _same(of_levels: list[Any]) -> Any:
    """What all levels have in common, or the list of what each has."""
    alike = all(value == of_levels[0] for value in of_levels)
    return of_levels[0] if alike else of_levels


def _named(loss: Any) -> Any:
    """The loss or losses by name, with their configuration where they have one."""
    if isinstance(loss, (str, type(None))):
        return loss
    if isinstance(loss, dict):
        return {key: _named(value) for key, value in loss.items()}
    if isinstance(loss, (list, tuple)):
        return [_named(value) for value in loss]
    name = getattr(loss, "__name__", None) or type(loss).__name__
    if not compat.is_loss(loss):
        return name
    try:
        return {name: loss.get_config()}
    except Exception:  # Whatever a class of the user's own raises.
        return name


def _plain(value: Any) -> Any:
    """The value as it comes back from JSON, the same in every process."""

    def stand_in(other: Any) -> Any:
        if hasattr(other, "tolist"):
            return other.tolist()
        if isinstance(other, (tf.Tensor, tf.Variable)):
            return other.numpy().tolist()
        if compat.is_keras3(other) and hasattr(other, "numpy"):
            return np.asarray(other.numpy()).tolist()
        # Not repr, in which a function has its address.
        return getattr(other, "__qualname__", type(other).__qualname__)

    return json.loads(json.dumps(value, default=stand_in))
