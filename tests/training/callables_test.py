"""Functions given as data or callbacks: those that fit, and lines for the others."""

from __future__ import annotations

import functools

import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import callables, feeds

callbacks = keras.callbacks


def endless():
    while True:
        yield 1, 2


def by_level(level, seed):
    return tf.data.Dataset.range(2)


class Loader:
    """As people write them for tf.data.Dataset.from_generator."""

    def __call__(self):
        yield 1, 2


class Child(Loader):
    pass


class ByLevel:
    def __call__(self, level, seed, start=0):
        return by_level(level, seed)

    def method(self, level, seed):
        return by_level(level, seed)

    def other(self):
        return by_level(0, 0)


def yielding(level, seed):
    yield level


@pytest.mark.parametrize(
    "x",
    [
        by_level,
        ByLevel(),
        ByLevel().method,
        functools.partial(lambda name, level, seed: by_level(level, seed), "train"),
        lambda *arguments: by_level(*arguments),
    ],
)
def test_functions_of_level_and_seed_pass(x) -> None:
    assert feeds.Feed(x).steps_per_epoch == 2


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (endless, r"x=endless is a generator function .*call it, x=endless\(\)"),
        (Loader(), "x=Loader is a generator function that takes no"),
        (Child(), "x=Child is a generator function that takes no"),
        (ByLevel().other, "x=ByLevel.other cannot be called with .level, seed."),
        (lambda: None, "cannot be called with"),
        (lambda level, seed, epoch: None, "cannot be called with"),
        (functools.partial(by_level, 1, 2), "cannot be called with"),
        (yielding, "x=yielding is a generator function: .*from_generator"),
        (Loader, "x is the class Loader"),
        (dict, "x is the class dict"),
    ],
)
def test_functions_of_another_signature_are_refused_by_name(x, said: str) -> None:
    with pytest.raises(LotteryError, match=said) as error:
        feeds.Feed(x)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize("given", [None, [], (), callbacks.History()])
def test_callbacks_are_taken_as_fit_takes_them(given) -> None:
    callables.check_callbacks(given)
    found = callables.callback_list(given)
    assert found == ([given] if isinstance(given, callbacks.History) else [])


def test_lists_within_lists_and_keras_lists_are_taken_too() -> None:
    one, two = callbacks.History(), callbacks.TerminateOnNaN()
    assert callables.callback_list([[one], two]) == [one, two]
    assert callables.callback_list(callbacks.CallbackList([one, two])) == [one, two]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("x", "callbacks: 'x' .str. is no tf_keras callback"),
        (["x"], "callbacks: 'x' .str. is no tf_keras callback"),
        (3, "callbacks: 3 .int. is no"),
        ([None], "callbacks: a NoneType is no"),
        ([object()], "callbacks: a object is no"),
        (callbacks.EarlyStopping, r"EarlyStopping is a class: .*EarlyStopping\(\)"),
        ([callbacks.EarlyStopping], "EarlyStopping is a class"),
        (lambda: [], "cannot be called with .level."),
        (lambda level, epoch: [], "cannot be called with .level."),
    ],
)
def test_what_is_no_callback_is_refused_in_one_line(given, said: str) -> None:
    with pytest.raises(LotteryError, match=said) as error:
        callables.check_callbacks(given)
    assert "\n" not in str(error.value)


def test_functions_written_in_c_are_trusted() -> None:
    assert callables.accepts(max, 1, 2)
