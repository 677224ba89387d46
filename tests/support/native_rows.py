"""What every backend of Keras 3 must show, in a process of its own.

    KERAS_BACKEND=jax python -m tests.support.native_rows

Prints a JSON object: of each row what went wrong, case by case; nothing where all is
right. `tests/masking/native/backends_test.py` reads it.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import lth_keras as lth
from lth_keras.masking.native import steps
from tests.support import native_criteria as criteria
from tests.support import native_models as zoo
from tests.support import native_oracle as oracle
from tests.support import native_slots as slots
from tests.support.native_slots import fit, masks_of

Found = list[str]
ROWS: dict[str, Callable[[], Found]] = {}
COMPILED: set[str] = set()
LEVELS = 3


def row(function: Callable[[], Found]) -> Callable[[], Found]:
    ROWS[function.__name__] = function
    return function


def compiled(function: Callable[[], Found]) -> Callable[[], Found]:
    """A row of compiled steps: with torch Keras 3 makes them one by one."""
    COMPILED.add(function.__name__)
    return function


class Watched(keras.callbacks.Callback):
    """Looks at the weights after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        try:
            lth.verify(self.model)
        except lth.LotteryError as error:
            self.wrong.append(str(error).partition(".")[0])


def differing(ours: list[np.ndarray], theirs: list[np.ndarray]) -> int:
    return sum(
        int(np.count_nonzero(~np.isclose(a, b, rtol=0, atol=0, equal_nan=True)))
        for a, b in zip(ours, theirs, strict=True)
    )


def cases() -> list[tuple[str, str]]:
    models = [(model, "adam") for model in zoo.MODELS]
    return [*models, *(("dense", o) for o in zoo.OPTIMIZERS if o != "adam")]


@row
def keeps_exact_counts_and_zeros_after_every_step() -> Found:
    wrong = []
    for name, optimizer in cases():
        model, x, y = zoo.made(name, optimizer)
        lth.hold(model, rate=zoo.RATE)
        capture, rewind = (
            lth.keras3.CaptureInitialWeights(),
            lth.keras3.PruneAndRewind(),
        )
        watched = Watched()
        for _ in range(LEVELS):
            fit(model, x, y, capture, rewind, watched)
        if watched.wrong or watched.steps != LEVELS * 3:
            wrong.append(f"{name} {optimizer}: {watched.wrong[:1]} {watched.steps}")
        for mask in masks_of(model).values():
            alive = mask.size
            for _ in range(LEVELS - 1):
                alive -= round(zoo.RATE * alive)
            if np.count_nonzero(mask) != alive:
                wrong.append(f"{name} {optimizer}: {np.count_nonzero(mask)} {alive}")
        for index, mask in masks_of(model).items():
            value = oracle.values(model)[index][~mask]
            if value.any() or np.signbit(value).any():
                wrong.append(f"{name} {optimizer}: weight {index} is not +0.0")
    return wrong


@row
def equals_gradients_that_are_masked_by_hand() -> Found:
    wrong = []
    for name, optimizer in cases():
        if optimizer in zoo.MIXING:
            continue
        model, x, y = zoo.made(name, optimizer)
        first = oracle.values(model)
        lth.hold(model, rate=zoo.RATE)
        start = lth.capture(model)
        for _ in range(2):
            fit(model, x, y)
            lth.prune(model)
            lth.rewind(model, start)
        states = [np.array(g.state.numpy()) for g in _generators(model)]
        masks = masks_of(model)
        fit(model, x, y, epochs=2)
        plain, _, _ = zoo.made(name, optimizer)
        oracle.multiply_gradients(plain, masks)
        oracle.start_from(plain, first, masks)
        oracle.set_generators(plain, states)
        fit(plain, x, y, epochs=2)
        if count := differing(oracle.values(model), oracle.values(plain)):
            wrong.append(f"{name} {optimizer}: {count} entries differ")
    return wrong


@row
def slots_equal_those_of_gradients_that_are_masked_by_hand() -> Found:
    return slots.other_than_by_hand()


@row
def what_is_set_between_fits_counts_as_by_hand() -> Found:
    return slots.other_than_by_hand_when_set_later()


def _generators(model: Any) -> list[Any]:
    return oracle.generators(model)


@row
@compiled
def compiled_steps_equal_after_one() -> Found:
    wrong = []
    for name in ("dense", "convolutional"):
        model, x, y = zoo.made(name, jit_compile=True)
        first = oracle.values(model)
        lth.hold(model, rate=zoo.RATE)
        start = lth.capture(model)
        lth.prune(model)
        lth.rewind(model, start)
        masks = masks_of(model)
        states = [np.array(g.state.numpy()) for g in _generators(model)]
        fit(model, x[: zoo.BATCH], y[: zoo.BATCH])
        plain, _, _ = zoo.made(name, jit_compile=True)
        oracle.multiply_gradients(plain, masks)
        oracle.start_from(plain, first, masks)
        oracle.set_generators(plain, states)
        fit(plain, x[: zoo.BATCH], y[: zoo.BATCH])
        pairs = zip(oracle.values(model), oracle.values(plain), strict=True)
        for index, (ours, theirs) in enumerate(pairs):
            if not np.allclose(ours, theirs, rtol=0, atol=2e-7):
                far = np.abs(ours - theirs).max()
                wrong.append(f"{name}: weight {index} is {far} off")
            if ours[~masks.get(index, np.ones(ours.shape, bool))].any():
                wrong.append(f"{name}: weight {index} has left its mask")
    return wrong


@row
@compiled
def one_trace_serves_all_levels() -> Found:
    traces = [0]

    def counted(labels: Any, predicted: Any) -> Any:
        traces[0] += 1
        return zoo.loss()(labels, predicted)

    model, x, y = zoo.made("dense")
    model.compile("adam", counted, jit_compile=True)
    lth.hold(model, rate=zoo.RATE)
    start, seen = lth.capture(model), []
    for _ in range(LEVELS):
        fit(model, x, y)
        seen.append(traces[0])
        lth.prune(model)
        lth.rewind(model, start)
    return [] if len(set(seen)) == 1 else [f"traces after each level: {seen}"]


@row
def rewinds_exactly_to_a_later_step() -> Found:
    model, x, y = zoo.made("dense", "momentum")
    lth.hold(model, rate=zoo.RATE)
    capture = lth.keras3.CaptureInitialWeights("2it")
    rewind = lth.keras3.PruneAndRewind()
    fit(model, x, y, capture, rewind)
    late, seen = slice(2 * zoo.BATCH, None), []

    class Began(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            seen.append((oracle.values(self.model), masks_of(self.model)))

    fit(model, x[late], y[late], capture, rewind, Began())
    ((began, masks),) = seen
    plain, _, _ = zoo.made("dense", "momentum")
    fit(plain, x[: 2 * zoo.BATCH], y[: 2 * zoo.BATCH])
    oracle.start_from(plain, oracle.values(plain), masks)
    wrong = []
    if count := differing(began, oracle.values(plain)):
        wrong.append(f"{count} entries are not those of the step")
    # The momenta of pruned weights too, which stand behind iteration and rate.
    momenta = plain.optimizer.variables[2:]
    for variable, momentum in zip(plain.trainable_variables, momenta, strict=True):
        index = next(i for i, v in enumerate(plain.weights) if v is variable)
        if index in masks:
            value = np.array(keras.ops.convert_to_numpy(momentum.value))
            momentum.assign(np.where(masks[index], value, 0))
    oracle.multiply_gradients(plain, masks)
    plain.train_function = None
    fit(plain, x[late], y[late])
    if count := differing(oracle.values(model), oracle.values(plain)):
        wrong.append(f"{count} entries differ after the steps that were left")
    return wrong


@row
def zeroes_what_is_pruned_and_no_other_bit() -> Found:
    wrong = []
    special = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, -2.5]
    whole = np.resize(np.array(special, np.float32), (8, 8))
    ways: dict[str, Callable[[Any], Any]] = {
        "whole": lambda a: a,
        "transposed": keras.ops.transpose,
        "a part": lambda a: a[1:5, 3:6],
    }
    for dtype in ("float16", "bfloat16", "float32"):
        for way, change in ways.items():
            tensor = change(keras.ops.convert_to_tensor(whole, dtype))
            before = np.array(keras.ops.convert_to_numpy(tensor))
            where = np.random.default_rng(0).random(before.shape) < 0.5
            variable = keras.Variable(before, dtype=dtype)
            pruned = keras.Variable(where, dtype="bool", trainable=False)
            (masked,) = steps.masked([tensor], [pruned])
            steps.clean([variable], [pruned])
            for found in (masked, variable.value):
                after = np.array(keras.ops.convert_to_numpy(found))
                bits = [np.ascontiguousarray(a).view(np.uint8) for a in (before, after)]
                each = np.repeat(where, before.itemsize, axis=1)
                if not np.array_equal(np.where(each, 0, bits[0]), bits[1]):
                    wrong.append(f"{dtype} {way}: {before[:1]} became {after[:1]}")
            if not np.array_equal(
                np.array(keras.ops.convert_to_numpy(tensor)), before, equal_nan=True
            ):
                wrong.append(f"{dtype} {way}: the gradient was written into")
    return wrong


@row
def holds_what_is_compiled_anew() -> Found:
    wrong = []
    model, x, y = zoo.made("dense")
    lth.hold(model, rate=zoo.RATE)
    fit(model, x, y)
    lth.prune(model)
    before = model.optimizer
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), zoo.loss(), **zoo.PLAIN)
    watched = Watched()
    fit(model, x, y, watched)
    if watched.wrong:
        wrong.append(watched.wrong[0])
    if "apply" in vars(before):
        wrong.append("the optimizer of before still holds masks")
    return wrong


@row
def a_released_model_is_a_plain_one() -> Found:
    wrong = []
    model, x, y = zoo.made("convolutional")
    plain, _, _ = zoo.made("convolutional")
    expected = model.predict(x, verbose=0)
    lth.hold(model, rate=zoo.RATE)
    if not np.array_equal(model.predict(x, verbose=0), expected):
        wrong.append("predictions differ while it is held dense")
    lth.release(model)
    for each in (model, plain):
        fit(each, x, y)
    if count := differing(oracle.values(model), oracle.values(plain)):
        wrong.append(f"{count} entries differ from a model that was never held")
    if len(model.optimizer.variables) != len(plain.optimizer.variables):
        wrong.append("masks are left in the optimizer")
    left = {"compile", "_lth_held"} & set(vars(model))
    left |= {"apply", "build", "_lth_masked"} & set(vars(model.optimizer))
    if left:
        wrong.append(f"left behind: {sorted(left)}")
    return wrong


@row
def criteria_keep_what_numpy_keeps() -> Found:
    wrong = criteria.kept_otherwise_than_by_hand()
    return [*wrong, *criteria.gradients_other_than_by_hand()]


def main() -> None:
    skipped = COMPILED if keras.backend.backend() == "torch" else set()
    asked = sys.argv[1:] or [name for name in ROWS if name not in skipped]
    found: dict[str, Found] = {}
    for name in asked:
        try:
            found[name] = ROWS[name]()
        except Exception:
            found[name] = [traceback.format_exc()]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
