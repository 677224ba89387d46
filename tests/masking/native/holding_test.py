"""hold, the acts and release on a Keras 3 model, against steps in NumPy."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np
import pytest

import lth_keras as lth
from lth_keras.masking.network import Network

L = keras.layers
RATE, MOMENTUM = 0.1, 0.9


def model_of(*inner: Any, compiled: Any = None) -> Any:
    """Two Dense layers with the same weights each time."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            L.Dense(5, "relu", name="first"),
            *inner,
            L.Dense(2, name="second"),
        ]
    )
    if compiled is not None:
        model.compile(compiled, "mse")
    return model


def momentum() -> Any:
    return keras.optimizers.SGD(RATE, momentum=MOMENTUM)


def values(variables: Any) -> list[np.ndarray]:
    return [np.array(v.numpy()) for v in variables]


def gradients(model: Any, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = [tuple(v.shape) for v in model.trainable_variables]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def stepped(
    start: list[np.ndarray], given: list[list[np.ndarray]], masks: list[Any]
) -> list[np.ndarray]:
    """SGD with momentum in NumPy, each gradient multiplied by its mask."""
    found = [v if m is None else v * m for v, m in zip(start, masks, strict=True)]
    speed = [np.zeros_like(v) for v in start]
    rate, momentum = np.float32(RATE), np.float32(MOMENTUM)
    for each in given:
        for i, (g, m) in enumerate(zip(each, masks, strict=True)):
            speed[i] = speed[i] * momentum - (g if m is None else g * m) * rate
            found[i] = found[i] + speed[i]
    return found


@pytest.mark.parametrize("compile_first", [True, False])
def test_steps_are_those_of_masked_gradients(compile_first: bool) -> None:
    model = model_of(compiled=momentum() if compile_first else None)
    assert lth.hold(model, rate=0.4) is model
    if not compile_first:
        model.compile(momentum(), "mse")
    start = lth.capture(model)
    first = values(model.trainable_variables)
    assert lth.prune(model) == pytest.approx((20 - 8 + 10 - 4) / 30)
    lth.rewind(model, start)
    masks = {w.key: w.read_mask() for w in Network.of(model).pruned}
    own = [masks.get(id(v)) for v in model.trainable_variables]
    given = [gradients(model, seed) for seed in range(4)]
    for each in given:
        model.optimizer.apply([keras.ops.convert_to_tensor(g) for g in each])
        lth.verify(model)
    expected = stepped(first, given, own)
    for ours, theirs, mask in zip(
        values(model.trainable_variables), expected, own, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
        if mask is not None:
            assert not ours[~mask].any() and not np.signbit(ours[~mask]).any()


def test_gradients_that_are_not_finite_revive_no_weight() -> None:
    model = lth.hold(model_of(compiled=momentum()), rate=0.5)
    lth.capture(model)
    lth.prune(model)
    masks = {w.key: w.read_mask() for w in Network.of(model).pruned}
    given = gradients(model, 0)
    for gradient, variable in zip(given, model.trainable_variables, strict=True):
        if id(variable) in masks:
            gradient[~masks[id(variable)]] = np.nan
    model.optimizer.apply([keras.ops.convert_to_tensor(g) for g in given])
    lth.verify(model)
    assert all(np.isfinite(v).all() for v in values(model.optimizer.variables[2:6]))


def test_the_forward_pass_and_the_weights_are_those_of_the_plain_model() -> None:
    model, x = model_of(compiled=momentum()), np.ones((3, 4), np.float32)
    before, listed = np.array(model(x)), [v.path for v in model.weights]
    lth.hold(model)
    assert np.array_equal(np.array(model(x)), before)
    assert [v.path for v in model.weights] == listed


def test_rates_scopes_and_exclusions_are_those_of_every_other_model() -> None:
    model = lth.hold(model_of(), rate={"first": 0.5, "second": None})
    model.compile(momentum(), "mse")
    assert lth.prune(model) == 0.5
    assert [row.pruned for row in lth.coverage(model, print_fn=None)] == [
        *(True, False),
        *(False, False),
    ]
    lth.release(model)
    lth.hold(model, rate=0.4, scope="global", exclude="second")
    assert lth.prune(model) == pytest.approx(12 / 20)


def test_each_weight_says_why_it_is_dense() -> None:
    model = model_of(L.BatchNormalization(name="norm"))
    lth.hold(model, exclude="second")
    rows = {(r.layer, r.weight): r for r in lth.coverage(model, print_fn=None)}
    assert rows["first", "kernel"].reason == ""
    assert rows["first", "bias"].reason == "bias or other vector, never pruned"
    assert rows["norm", "gamma"].reason == "normalisation parameter, never pruned"
    assert rows["second", "kernel"].reason.startswith("left out (not held, excluded")


def test_a_ticket_goes_from_one_model_to_another(tmp_path: pathlib.Path) -> None:
    model = lth.hold(model_of(compiled=momentum()), rate=0.4)
    start = lth.capture(model)
    lth.prune(model)
    ticket = lth.Ticket.of(model, start, level=1)
    ticket.save(tmp_path / "ticket")
    other = lth.hold(model_of(compiled=momentum()), rate=0.4)
    assert lth.Ticket.load(tmp_path / "ticket").apply(other) == []
    lth.verify(other)
    for ours, theirs in zip(
        Network.of(other).weights, Network.of(model).weights, strict=True
    ):
        assert np.array_equal(ours.read_mask(), theirs.read_mask())
        assert np.array_equal(ours.read(), np.where(theirs.read_mask(), ours.read(), 0))
    plain = model_of()
    ticket.apply(plain)
    kernel = plain.layers[0].kernel.numpy()
    assert np.count_nonzero(kernel) == 12


def test_a_file_of_a_held_model_is_one_of_the_plain_model(
    tmp_path: pathlib.Path,
) -> None:
    model = lth.hold(model_of(compiled=momentum()), rate=0.4)
    lth.capture(model)
    lth.prune(model)
    model.optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients(model, 1)])
    model.save(tmp_path / "held.keras")
    again = keras.models.load_model(tmp_path / "held.keras")
    masks = sum("pruned" in v.name for v in model.optimizer.variables)
    assert masks == 2
    assert len(again.optimizer.variables) == len(model.optimizer.variables) - masks
    for ours, theirs in zip(
        again.optimizer.variables, model.optimizer.variables, strict=False
    ):
        assert np.array_equal(ours.numpy(), theirs.numpy())
    x = np.ones((3, 4), np.float32)
    assert np.array_equal(np.array(again(x)), np.array(model(x)))


def test_an_optimizer_of_a_loop_holds_the_masks_once_an_act_is_given_it() -> None:
    model, optimizer = lth.hold(model_of(), rate=0.5), momentum()
    start = lth.capture(model, optimizer)
    lth.prune(model, optimizer=optimizer)
    lth.rewind(model, start, optimizer)
    for seed in range(2):
        given = [keras.ops.convert_to_tensor(g) for g in gradients(model, seed)]
        optimizer.apply_gradients(zip(given, model.trainable_variables, strict=True))
    lth.verify(model, optimizer)


def test_one_that_no_act_was_given_is_found_out() -> None:
    model, optimizer = lth.hold(model_of(), rate=0.5), momentum()
    lth.prune(model)
    optimizer.build(model.trainable_variables)
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients(model, 0)])
    with pytest.raises(lth.LotteryError, match="an optimizer that no act was given"):
        lth.verify(model)


def test_two_models_may_share_an_optimizer() -> None:
    first, second = model_of(), model_of()
    optimizer = momentum()
    optimizer.build(first.trainable_variables + second.trainable_variables)
    for model in (first, second):
        lth.hold(model, rate=0.5)
        lth.capture(model, optimizer)
        lth.prune(model, optimizer=optimizer)
    for model in (first, second):
        given = [keras.ops.convert_to_tensor(g) for g in gradients(model, 0)]
        optimizer.apply(given, model.trainable_variables)
    for model in (first, second):
        lth.verify(model, optimizer)


def unbuilt() -> Any:
    return keras.Sequential([L.Dense(2)])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: lth.hold(unbuilt()), "has no weights yet: call it on a batch"),
        (lambda: lth.hold(lth.hold(model_of())), "is on masks already: lth.release"),
        (lambda: lth.hold(model_of(), exclude="third"), "no name matches"),
        (lambda: lth.release(model_of()), "holds no masks"),
        (lambda: lth.prune(model_of()), "hold it first, lth.hold"),
        (lambda: lth.capture(model_of(), "adam"), "is no optimizer of Keras 3"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(call: Any, said: str) -> None:
    with pytest.raises(lth.LotteryError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)
