"""Functions that people give to `fit`: of (level, seed) as data, of level as callbacks.

What cannot be called that way is refused by name before anything is written.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from lth_keras.compat import TF_KERAS, Trainer
from lth_keras.errors import LotteryError, shown

_DATA = "give x=f(level, seed) that returns a tf.data.Dataset of (x, y) batches"


def check_data_function(x: Any, trainer: Trainer = TF_KERAS) -> None:
    """Refuses what cannot be asked for the data of a level.

    Args:
        x: what was given.
        trainer: the Keras that is to train on it.

    Raises:
        LotteryError: says what it is, and what to give.
    """
    name = _name(x)
    if isinstance(x, type):
        raise LotteryError(f"x is the class {name}: {_DATA}, or an object of data.")
    if type(x).__name__ == "DatasetCreator":
        raise LotteryError(
            f"x is a DatasetCreator, made for its own strategy: {_DATA}."
        )
    asked = accepts(x, 0, 0) or accepts(x, 0, 0, start=0)
    if asked and trainer.takes_generators:
        return
    generator = inspect.isgeneratorfunction(x) or inspect.isgeneratorfunction(
        inspect.getattr_static(type(x), "__call__", None)
    )
    if asked:
        if generator:
            raise LotteryError(
                f"x={name} is a generator function: {_DATA}, such as "
                "tf.data.Dataset.from_generator makes."
            )
        return
    if generator:
        raise LotteryError(
            f"x={name} is a generator function that takes no (level, seed): call it, "
            f"x={name}(), and pass steps_per_epoch, or {_DATA}."
        )
    raise LotteryError(f"x={name} cannot be called with (level, seed): {_DATA}.")


def made(
    function: Any, level: int, seed: int, trainer: Trainer = TF_KERAS, **start: int
) -> Any:
    """The Dataset of a level; for Keras 3 it may be a generator of batches too.

    A function that cannot do without `start` is given 0 where none is asked for.

    Raises:
        LotteryError: the function returned something else.
    """
    if not start and not accepts(function, level, seed):
        start = {"start": 0}
    dataset = function(level, seed, **start)
    if isinstance(dataset, Iterator) and trainer.takes_generators:
        return dataset
    if not isinstance(dataset, tf.data.Dataset):
        raise LotteryError(
            f"x(level={level}, seed={seed}) returned a {type(dataset).__name__}: "
            "return a tf.data.Dataset of (x, y) batches."
        )
    return dataset


def check_spec(first: tf.data.Dataset, other: tf.data.Dataset, level: int) -> None:
    """Refuses a level whose batches are of another kind than the first one's.

    Raises:
        LotteryError: shows both.
    """
    if first.element_spec != other.element_spec:
        raise LotteryError(
            f"x(level={level}, seed) has batches of another kind than level 0 "
            f"({other.element_spec} against {first.element_spec}): give every level "
            "the same shapes and dtypes."
        )


def is_callback_function(callbacks: Any) -> bool:
    """Whether callbacks are to be asked for, level by level."""
    is_one = hasattr(callbacks, "on_train_begin") or isinstance(callbacks, type)
    return callable(callbacks) and not is_one


def callback_list(callbacks: Any, trainer: Trainer = TF_KERAS) -> list[Any]:
    """Callbacks, given as `model.fit` takes them, as a list.

    Args:
        callbacks: None, a callback, or lists of them; no function.
        trainer: the Keras whose callbacks they are.

    Raises:
        LotteryError: something among them is no Keras callback.
    """
    if callbacks is None:
        return []
    kind = trainer.keras.callbacks
    if isinstance(callbacks, kind.CallbackList):
        callbacks = callbacks.callbacks
    found = list(tf.nest.flatten(callbacks))
    for callback in found:
        if isinstance(callback, type):
            raise LotteryError(
                f"callbacks: {callback.__name__} is a class: make an object of it, "
                f"{callback.__name__}()."
            )
        if not isinstance(callback, kind.Callback):
            name = trainer.said
            raise LotteryError(
                f"callbacks: {_said(callback)} is no {name} callback: give a list of "
                f"keras.callbacks.Callback objects of {name}, or f(level) -> list."
            )
    return found


def check_callbacks(callbacks: Any, trainer: Trainer = TF_KERAS) -> None:
    """Refuses what is neither callbacks nor a function of the level.

    Raises:
        LotteryError: says what it is, and what to give.
    """
    if not is_callback_function(callbacks):
        callback_list(callbacks, trainer)
    elif not accepts(callbacks, 0):
        raise LotteryError(
            f"callbacks={_name(callbacks)} cannot be called with (level): give a list "
            "of callbacks, or f(level) -> list."
        )


def accepts(function: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
    """Whether a function can be called with these arguments, as far as it tells."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True  # Some that are written in C say nothing.
    try:
        signature.bind(*arguments, **named)
    except TypeError:
        return False
    return True


def _name(function: Any) -> str:
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(name).rsplit("<locals>.", 1)[-1]


def _said(value: Any) -> str:
    text = shown(value) if isinstance(value, (str, bytes, int, float)) else ""
    short = f"{text} ({type(value).__name__})" if text else f"a {type(value).__name__}"
    return short if len(short) < 100 else f"a {type(value).__name__}"
