"""search.json: the settings a search was started with, and the check against them.

A run directory holds one search. Started again with the same settings it goes on;
with others it would mix two experiments, and is refused.
"""

from __future__ import annotations

import json
import os
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import LotteryError, keras
from lth_keras.masking.weights import pruned_weights_of, weights_of
from lth_keras.runs import layout
from lth_keras.storage import files
from lth_keras.tickets import files as ticket_files
from lth_keras.training.plan import Plan


def optimizer(model: keras.Model) -> Any:
    """The optimizer's configuration as plain data."""
    return _plain(keras.optimizers.serialize(model.optimizer))


def settings(
    model: keras.Model,
    plan: Plan,
    *,
    levels: int,
    rewind_step: int,
    optimizer_state: str,
    optimizer: Any,
) -> dict[str, Any]:
    """What decides a search's results, as plain data.

    Thread counts, devices and the jit choice belong to it: another of these gives
    results that differ in the last bits.
    """
    pruned = pruned_weights_of(model)
    threading = tf.config.threading
    found = {
        "levels": levels,
        "rewind_to": rewind_step,
        "optimizer_state": optimizer_state,
        "seed": plan.seed,
        "trial": plan.trial,
        "monitor": plan.monitor,
        "evaluate_every": plan.evaluate_every,
        "epochs": plan.epochs,
        "initial_epoch": plan.first_epoch,
        "steps_per_epoch": plan.feed.steps_per_epoch,
        **plan.feed.settings(),
        **plan.data,
        "class_weight": plan.fit_arguments.get("class_weight"),
        "scope": pruned[0].wrapper.scope,
        "criterion": pruned[0].wrapper.criterion,
        # By position: the names of layers change between builds.
        "rates": [w.wrapper.rate for w in pruned],
        "architecture": [
            f"{w.kind} {list(w.shape)}{'' if w.mask is None else ' pruned'}"
            for w in weights_of(model)
        ],
        "optimizer": optimizer,
        "loss": _named(model.loss),
        "jit_compile": bool(model.jit_compile),
        "threads": [
            threading.get_intra_op_parallelism_threads(),
            threading.get_inter_op_parallelism_threads(),
        ],
        "devices": sorted({d.device_type for d in tf.config.list_logical_devices()}),
        "replicas": model.distribute_strategy.num_replicas_in_sync,
    }
    return _plain(found)


def _named(loss: Any) -> Any:
    """The loss or losses by name, with their configuration where they have one."""
    if isinstance(loss, (str, type(None))):
        return loss
    if isinstance(loss, dict):
        return {key: _named(value) for key, value in loss.items()}
    if isinstance(loss, (list, tuple)):
        return [_named(value) for value in loss]
    name = getattr(loss, "__name__", None) or type(loss).__name__
    if not isinstance(loss, keras.losses.Loss):
        return name
    try:
        return {name: loss.get_config()}
    except NotImplementedError:
        return name


def _plain(value: Any) -> Any:
    """The value as it comes back from JSON, the same in every process."""

    def stand_in(other: Any) -> Any:
        if hasattr(other, "tolist"):
            return other.tolist()
        if isinstance(other, (tf.Tensor, tf.Variable)):
            return other.numpy().tolist()
        # Not repr, in which a function has its address.
        return getattr(other, "__qualname__", type(other).__qualname__)

    return json.loads(json.dumps(value, default=stand_in))


def write_or_check(directory: layout.RunDirectory, found: dict[str, Any]) -> None:
    """Stores the settings of a new search, or compares with the stored ones.

    Args:
        directory: of the search, held by this process.
        found: as `settings` returns them.

    Raises:
        LotteryError: names every setting that differs, stored and given.
    """
    if not files.exists(directory.manifest):
        if directory.levels():
            raise LotteryError(
                f"{directory.root} holds levels but no search.json: choose another "
                "directory."
            )
        files.write_json(
            directory.manifest,
            {
                "settings": found,
                "versions": ticket_files.versions(),
                # Told, not compared: where threads are 0, they are as many.
                "machine": {"cpus": os.cpu_count()},
            },
        )
        return
    stored = read(directory)
    differing = [
        f"{name} (stored {_short(stored.get(name))}, given {_short(found.get(name))})"
        for name in {**stored, **found}
        if stored.get(name) != found.get(name)
    ]
    if differing:
        raise LotteryError(
            f"{directory.root} holds a search with other settings: "
            f"{', '.join(differing)}. Use the same ones to go on, or another "
            "directory."
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read(directory: layout.RunDirectory) -> dict[str, Any]:
    """The stored settings.

    Raises:
        LotteryError: no search is stored there.
    """
    if not files.exists(directory.manifest):
        raise LotteryError(
            f"{directory.root} holds no search: there is no search.json in it."
        )
    stored = files.read_json(directory.manifest)
    if not isinstance(stored, dict) or not isinstance(stored.get("settings"), dict):
        raise LotteryError(f"{directory.manifest} is not the manifest of a search.")
    return stored["settings"]


def check_alignment(model: keras.Model, plan: Plan, rewind_step: int) -> None:
    """Refuses steps_per_execution that passes over a step we must stop at.

    Raises:
        LotteryError: names the step and the number that does not fit.
    """
    stride, total = compat.steps_per_execution(model), plan.iterations
    if stride == 1 or total is None:
        return
    steps = plan.feed.steps_per_epoch or total

    def check(step: int, name: str, value: Any) -> None:
        if step % steps % stride:
            raise LotteryError(
                f"{name}={value!r}: steps_per_execution={stride} passes over iteration "
                f"{step} (an epoch has {steps}): choose a steps_per_execution that "
                f"divides it."
            )

    check(rewind_step, "rewind_to", rewind_step)
    if plan.evaluate_every:
        for step in range(plan.evaluate_every, total + 1, plan.evaluate_every):
            check(step, "evaluate_every", plan.evaluate_every)
