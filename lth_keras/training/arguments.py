"""What the arguments of a search's `fit` must be, whatever the data are.

Each refusal is one line that names the argument, its value and what is allowed.
"""

from __future__ import annotations

import inspect
from typing import Any

import tensorflow as tf

from lth_keras.arguments import count, is_switch, number
from lth_keras.compat import TF_KERAS, Trainer
from lth_keras.errors import LotteryError, shown
from lth_keras.training import composites, examples

# Those of `model.fit` that are passed on, and count something.
_COUNTS = {
    "validation_steps": "the batches of a validation",
    "validation_batch_size": "the examples of a batch",
    "max_queue_size": "batches",
}


def check_passed_on(arguments: dict[str, Any], trainer: Trainer = TF_KERAS) -> None:
    """Refuses what `model.fit` does not take.

    Args:
        arguments: those that a search does not take itself.
        trainer: the Keras that trains.

    Raises:
        LotteryError: names the arguments.
    """
    known = set(inspect.signature(trainer.keras.Model.fit).parameters)
    unknown = sorted(set(arguments) - known)
    if unknown:
        raise LotteryError(
            f"fit does not take {', '.join(unknown)}: it takes model.fit's arguments, "
            "test_data, train_data and evaluate_every."
        )
    for name, meaning in _COUNTS.items():
        if arguments.get(name) is not None:
            count(name, arguments[name], 1, meaning)


def check_counts(
    epochs: Any,
    initial_epoch: Any,
    batch_size: Any,
    steps_per_epoch: Any,
    evaluate_every: Any,
) -> None:
    """Refuses numbers that count nothing.

    Raises:
        LotteryError: names the argument.
    """
    count("initial_epoch", initial_epoch, 0, "the epoch to begin with")
    count("epochs", epochs, initial_epoch + 1, "the epochs of a level")
    for name, value, meaning in (
        ("batch_size", batch_size, "the examples of a batch"),
        ("steps_per_epoch", steps_per_epoch, "iterations"),
        ("evaluate_every", evaluate_every, "iterations"),
    ):
        if value is not None:
            count(name, value, 1, meaning)


def check_shuffle(shuffle: Any) -> None:
    """Refuses what Keras would take for yes: text but for "batch", and objects.

    Raises:
        LotteryError: names the value.
    """
    whole = isinstance(shuffle, str) and shuffle.lower() == "batch"
    if not whole and not is_switch(shuffle):
        raise LotteryError(f"shuffle={shown(shuffle)}: give True, False or 'batch'.")


def is_split(fraction: Any) -> bool:
    """Whether a validation_split is asked for; 0 and None ask for none."""
    return not (fraction is None or fraction is False or number(fraction) == 0.0)


def split(
    x: Any, y: Any, sample_weight: Any, validation_data: Any, fraction: float
) -> tuple[Any, Any, Any, Any]:
    """Keras's validation_split: the last share of the arrays, before shuffling.

    Returns:
        x, y and sample_weight to train on, and the validation data.

    Raises:
        LotteryError: the share is out of range, x is not of arrays, or there are
            validation data already.
    """
    if validation_data is not None:
        raise LotteryError("give validation_data or validation_split, not both.")
    share = number(fraction)
    if not 0.0 < share < 1.0:
        raise LotteryError(
            f"validation_split={shown(fraction)}: give a share above 0 and below 1."
        )
    x, y, sample_weight = examples.taken(x, y, sample_weight)
    if not examples.is_arrays(x):
        raise LotteryError(
            f"validation_split={fraction!r} goes with arrays: pass validation_data."
        )
    size = composites.length(tf.nest.flatten(x)[0])
    end = int(size * (1.0 - share))
    if not 0 < end < size:
        raise LotteryError(
            f"validation_split={fraction!r} of {size} examples leaves one side empty."
        )

    def part(value: Any, start: int, end: int) -> Any:
        if value is None:
            return None
        return tf.nest.map_structure(lambda a: composites.part(a, start, end), value)

    given = (x, y, sample_weight)
    held = tuple(part(v, end, size) for v in given if v is not None)
    x, y, sample_weight = (part(v, 0, end) for v in given)
    return x, y, sample_weight, held
