"""Pruned weights frozen at values: the read adds them, and nobody trains them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import frozen
from lth_keras.masking.network import Network
from tests.support import small_search as small

layers = keras.layers
X, Y = small.X, small.Y
RATE = 0.05


def network(optimizer=None, **arguments) -> keras.Model:
    """Two dense layers, pruned to a half by magnitude, all the same at every call."""
    rng = np.random.default_rng(4)
    plain = keras.Sequential(
        [
            layers.Dense(8, "relu", input_shape=(6,), name="hidden", **arguments),
            layers.Dense(small.CLASSES, name="head"),
        ]
    )
    plain.set_weights([rng.normal(size=w.shape) for w in plain.get_weights()])
    wrapped = lth.wrap(plain, 0.5)
    wrapped.compile(
        optimizer or keras.optimizers.SGD(RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    lth.prune(wrapped)
    return wrapped


def chosen(model: keras.Model) -> list[np.ndarray]:
    """A value for every pruned entry."""
    rng = np.random.default_rng(7)
    return [
        np.where(weight.read_mask(), 0, rng.normal(size=weight.shape)).astype("float32")
        for weight in Network.of(model).pruned
    ]


def frozen_network(optimizer=None, **arguments) -> keras.Model:
    model = network(optimizer, **arguments)
    frozen.write(Network.of(model), chosen(model))
    return model


def effective(model: keras.Model) -> list[np.ndarray]:
    """What the layers compute with, by hand."""
    held = iter(chosen(model))
    found = []
    for weight in Network.of(model).weights:
        value = weight.read()
        found.append(value if weight.mask is None else value + next(held))
    return found


def outputs(values: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    first, bias, second, head = values
    return np.maximum(x @ first + bias, 0) @ second + head


def trained_by_hand(values, masks, steps: int) -> list[np.ndarray]:
    """Gradient descent in NumPy on whatever is not pruned."""
    values = [v.astype(np.float64) for v in values]
    for _ in range(steps):
        first, bias, second, head = values
        hidden = np.maximum(X @ first + bias, 0)
        logits = hidden @ second + head
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        error = (chances - np.eye(small.CLASSES)[Y]) / len(Y)
        back = error @ second.T * (hidden > 0)
        slopes = [X.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        for value, slope, mask in zip(values, slopes, masks, strict=True):
            value -= RATE * slope * mask
    return values


def test_the_read_adds_them_and_the_weights_stay_sparse():
    model, before = network(), small.values(network())
    dense = model.predict(X, verbose=0)
    frozen.write(Network.of(model), chosen(model))
    expected = outputs(effective(model), X)
    for found in (model(X).numpy(), model.predict(X, verbose=0)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(dense - expected).max() > 0.5
    assert small.same_bits(small.values(model), before)
    lth.verify(model)
    # And without them it computes, and is, what it was.
    frozen.write(Network.of(model), [None, None])
    np.testing.assert_array_equal(model.predict(X, verbose=0), dense)
    assert [w.name for w in model.weights] == [w.name for w in network().weights]


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_training_is_training_by_hand_of_what_is_kept(jit):
    model = frozen_network()
    model.compile(model.optimizer, model.loss, jit_compile=jit)
    begun, masks = effective(model), small.masks(model)
    model.fit(X, Y, batch_size=len(X), epochs=6, shuffle=False, verbose=0)
    expected = trained_by_hand(begun, masks, 6)
    for found, value in zip(effective(model), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)
    lth.verify(model)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(0.01, weight_decay=0.1, use_ema=True),
        pytest.param(keras.optimizers.SGD(0.1, momentum=0.9), marks=pytest.mark.slow),
    ],
)
def test_no_optimizer_moves_them_or_what_is_pruned(optimizer):
    model = frozen_network(optimizer, kernel_regularizer="l2")
    before = [w.read_frozen() for w in Network.of(model).pruned]
    model.fit(X, Y, batch_size=10, epochs=2, verbose=0)
    network = Network.of(model)
    assert small.same_bits([w.read_frozen() for w in network.pruned], before)
    for weight in network.pruned:
        assert not weight.read()[~weight.read_mask()].any()
    lth.verify(model)


def test_a_ticket_stores_them_and_gives_them_to_another_model(tmp_path):
    model = frozen_network()
    ticket = lth.Ticket.of(model)
    ticket.save(tmp_path / "ticket")
    again = lth.Ticket.load(tmp_path / "ticket")
    assert again.fingerprint == ticket.fingerprint
    assert again.fingerprint != lth.Ticket.of(network()).fingerprint
    for weight, value in zip(again.weights, effective(model), strict=True):
        assert small.bits(weight.effective) == small.bits(value)
    other, plain = network(), lth.unwrap(network())
    again.apply(other)
    assert small.same_bits(
        [w.read_frozen() for w in Network.of(other).pruned], chosen(model)
    )
    again.apply(plain)
    assert small.same_bits(plain.get_weights(), effective(model))
    # A ticket without takes them away.
    lth.Ticket.of(network()).apply(other)
    assert [w.read_frozen() for w in Network.of(other).pruned] == [None, None]


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        (lambda value: value[:-1], "frozen.npz has float32 of shape"),
        (lambda value: value.astype("float64"), "frozen.npz has float64"),
        (lambda value: value * np.nan, "a frozen value of .* is NaN"),
    ],
)
def test_a_damaged_file_of_them_is_told(tmp_path, monkeypatch, altered, said):
    from lth_keras.tickets import packing

    taken = packing.frozen
    monkeypatch.setattr(
        packing,
        "frozen",
        lambda *given: {name: altered(v) for name, v in taken(*given).items()},
    )
    lth.Ticket.of(frozen_network()).save(tmp_path / "ticket")
    with pytest.raises(LotteryError, match=said):
        lth.Ticket.load(tmp_path / "ticket")


@pytest.mark.slow
def test_unwrap_exports_and_compact_have_them_as_weights(tmp_path):
    model = frozen_network()
    plain = lth.unwrap(model)
    assert small.same_bits(plain.get_weights(), effective(model))
    lth.export_keras(model, tmp_path / "m.keras", verify=False, verbose=False)
    lth.export_saved_model(model, tmp_path / "m", verify=False, verbose=False)
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert small.same_bits(loaded.get_weights(), effective(model))
    import tensorflow as tf

    served = tf.saved_model.load(str(tmp_path / "m")).signatures["serving_default"]
    (found,) = served(tf.constant(X)).values()
    expected = model.predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    small_model = lth.compact(model)
    np.testing.assert_allclose(
        small_model.predict(X, verbose=0), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "suffix",
    [".keras", *(pytest.param(s, marks=pytest.mark.slow) for s in (".h5", ""))],
)
def test_a_saved_model_comes_back_with_them(suffix, tmp_path):
    model = frozen_network()
    model.save(tmp_path / f"model{suffix}")
    again = keras.models.load_model(tmp_path / f"model{suffix}")
    network = Network.of(again)
    assert small.same_bits([w.read_frozen() for w in network.pruned], chosen(model))
    assert small.same_bits(small.values(again), small.values(model))
    np.testing.assert_allclose(
        again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6
    )


def test_coverage_counts_them_and_no_parameter_does():
    model, without = frozen_network(), network()
    rows = lth.coverage(model, print_fn=None)
    assert [row.frozen for row in rows] == [24, 0, 12, 0]
    assert "yes, 24 of the pruned frozen" in str(rows)
    assert rows.density == lth.coverage(without, print_fn=None).density
    assert "frozen" not in str(lth.coverage(without, print_fn=None)).split("pruned")[1]
    assert model.count_params() == without.count_params()
    assert len(Network.of(model).weights) == 4


def test_verify_names_a_frozen_value_where_the_mask_keeps():
    model = frozen_network()
    weight = Network.of(model).pruned[0]
    weight.frozen.assign(np.ones(weight.shape))
    with pytest.raises(LotteryError, match="frozen value of hidden/kernel"):
        lth.verify(model)
    # A mask that grows takes them away where it does.
    weight.write_mask(np.ones(weight.shape, bool))
    assert not weight.read_frozen().any()


def test_other_values_of_a_ticket_keep_them_and_another_mask_does_not():
    from lth_keras.tickets import editing

    ticket = lth.Ticket.of(frozen_network())
    values = [2 * value for value in editing.values_of(ticket)]
    kept = editing.with_values(ticket, values)
    assert all(w.frozen is not None for w, _ in kept.pruned())
    masks = [~mask for _, mask in ticket.pruned()]
    assert all(
        w.frozen is None for w, _ in editing.with_values(ticket, values, masks).pruned()
    )
    weight = dataclasses.replace(ticket.weights[0], frozen=None)
    assert weight.effective is weight.value
