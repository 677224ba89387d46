"""Optimizer state: read whole, put back to the bit, kept on the masks."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import acts, slots, starts
from lth_keras.masking.network import Network
from lth_keras.storage import arrays
from tests.support import small_search as small

O = keras.optimizers  # noqa: E741
OPTIMIZERS = {
    "sgd": lambda: O.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.1),
    "adam": lambda: O.Adam(0.01, amsgrad=True),
    "adamw": lambda: O.AdamW(0.01),
    "average": lambda: O.Adam(0.01, use_ema=True, ema_overwrite_frequency=3),
    "nadam": lambda: O.Nadam(0.01),
    "ftrl": lambda: O.Ftrl(0.01),
    "adagrad": lambda: O.Adagrad(0.05),
    "lion": lambda: O.Lion(0.001, weight_decay=0.01),
    "rmsprop": lambda: O.RMSprop(0.01, centered=True, momentum=0.9),
    "adamax": lambda: O.Adamax(0.01),
    "adadelta": lambda: O.Adadelta(0.5),
    "schedule": lambda: O.Adam(O.schedules.ExponentialDecay(0.01, 5, 0.5)),
    "scaled": lambda: keras.mixed_precision.LossScaleOptimizer(O.Adam(0.01)),
    "legacy_sgd": lambda: O.legacy.SGD(0.1, momentum=0.9, decay=0.01),
    "legacy_adam": lambda: O.legacy.Adam(0.01, amsgrad=True),
    "legacy_ftrl": lambda: O.legacy.Ftrl(0.01),
    "legacy_adagrad": lambda: O.legacy.Adagrad(0.05),
    "legacy_nadam": lambda: O.legacy.Nadam(0.01),
    "legacy_rmsprop": lambda: O.legacy.RMSprop(0.01),
    "legacy_scaled": lambda: keras.mixed_precision.LossScaleOptimizer(
        O.legacy.Adam(0.01)
    ),
}
# One of each way to keep state; the others are tried in the slow suite.
QUICK = ("sgd", "legacy_adam")
X, Y = small.data()


def train(model: keras.Model, epochs: int = 2) -> None:
    model.fit(X, Y, batch_size=small.BATCH, epochs=epochs, shuffle=False, verbose=0)


def everything(optimizer, model) -> dict[str, bytes]:
    others = {id(compat.raw_variable(v)) for v in model.weights}
    found = compat.optimizer_variables(optimizer, others)
    return {path: small.bits(v.numpy()) for path, v in found.items()}


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in OPTIMIZERS
    ],
)
def test_rewinding_puts_every_variable_of_an_optimizer_back(name: str) -> None:
    """To the bit; the same steps follow again, and stay on masks from then on."""
    model = small.compiled(optimizer=OPTIMIZERS[name](), jit_compile=False)
    start = acts.capture(model)
    before = everything(model.optimizer, model)
    train(model)
    trained = small.values(model)
    assert everything(model.optimizer, model) != before
    acts.rewind(model, start)
    assert everything(model.optimizer, model) == before
    train(model)
    assert small.same_bits(small.values(model), trained)

    acts.prune(model)
    acts.verify(model)
    train(model, 1)
    acts.verify(model)
    acts.rewind(model, start)
    expected = [
        small.masked(w, m)
        for w, m in zip(start.weights, small.masks(model), strict=True)
    ]
    assert small.same_bits(small.values(model), expected)
    train(model, 1)
    acts.verify(model)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["average", "legacy_adam"])
def test_state_captured_at_a_later_step_continues_from_there(
    name: str, tmp_path
) -> None:
    """Through a file too: seven steps, or three, a rewind and four, are the same."""
    model = small.compiled(optimizer=OPTIMIZERS[name](), jit_compile=False)
    for _ in range(3):
        model.train_on_batch(X, Y)
    start = acts.capture(model, step=3)
    for _ in range(4):
        model.train_on_batch(X, Y)
    expected = small.values(model)
    file = tmp_path / "optimizer.npz"
    arrays.write_arrays(file, slots.stored(start.optimizer))
    acts.rewind(
        model, starts.Start(start.weights, arrays.read_arrays(file), start.step)
    )
    assert int(model.optimizer.iterations) == 3
    for _ in range(4):
        model.train_on_batch(X, Y)
    assert small.same_bits(small.values(model), expected)


def test_a_learning_rate_that_a_callback_lowered_comes_back() -> None:
    model = small.compiled(optimizer=O.SGD(0.25))
    start = acts.capture(model)
    model.optimizer.learning_rate.assign(0.001)
    acts.rewind(model, start)
    assert float(model.optimizer.learning_rate) == 0.25


def test_slots_of_before_the_first_step_take_no_memory() -> None:
    model = small.compiled(optimizer=O.Adam())
    captured = slots.capture(Network.of(model))
    assert all(v.size == 1 or not any(v.strides) for v in captured.values())
    assert all(v.size == 1 for v in slots.stored(captured).values())


def test_a_negative_zero_among_zeros_keeps_its_sign() -> None:
    model = small.compiled()
    slots.capture(Network.of(model))
    (slot,) = [v for v in model.optimizer.variables if v.shape == (6, 8)]
    slot.assign(np.where(np.arange(48).reshape(6, 8) == 7, -0.0, 0.0))
    captured = slots.capture(Network.of(model))
    expected = small.bits(slot.numpy())
    slot.assign(np.ones((6, 8)))
    slots.restore(Network.of(model), captured)
    assert small.bits(slot.numpy()) == expected


def test_the_state_of_another_optimizer_is_refused() -> None:
    start = acts.capture(small.compiled(optimizer=O.Adam()))
    model = small.compiled(optimizer=O.SGD(0.1))
    with pytest.raises(LotteryError, match="does not fit this optimizer"):
        acts.rewind(model, start)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: np.zeros(a.size, a.dtype),
        lambda a: np.zeros((1,) * (a.ndim + 1), a.dtype),
        lambda a: np.zeros(a.shape, np.complex64),
        lambda a: np.zeros(a.shape, a.dtype.newbyteorder(">")),
    ],
)
def test_a_stored_state_of_another_shape_or_kind_is_refused(change) -> None:
    model = small.compiled(optimizer=O.Adam())
    captured = slots.capture(Network.of(model))
    path = next(path for path, value in captured.items() if value.ndim == 2)
    wrong = {**captured, path: change(np.asarray(captured[path]))}
    with pytest.raises(LotteryError, match=f"it differs in {path}"):
        slots.restore(Network.of(model), wrong)
    steps = next(path for path, value in captured.items() if value.dtype.kind == "i")
    with pytest.raises(LotteryError, match=f"it differs in {steps}"):
        slots.restore(Network.of(model), {**captured, steps: np.array(7.5)})


def test_project_gives_adagrad_its_initial_value_not_zero() -> None:
    model = small.compiled(optimizer=O.Adagrad(0.05, initial_accumulator_value=0.25))
    train(model, 1)
    acts.prune(model)
    for weight in Network.of(model).pruned:
        (slot,) = compat.optimizer_slots(model.optimizer, weight.variable).values()
        assert np.all(slot.numpy()[~weight.read_mask()] == np.float32(0.25))
        assert np.all(slot.numpy()[weight.read_mask()] >= np.float32(0.25))
