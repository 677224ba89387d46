"""capture, prune, rewind, project and verify as functions of a model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.pruning.criteria import registry as criteria
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data()


def step(model, optimizer, x=X, y=Y) -> None:
    """One step of a loop of one's own."""
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
        )
    variables = model.trainable_variables
    optimizer.apply_gradients(
        zip(tape.gradient(loss, variables), variables, strict=True)
    )


@pytest.mark.parametrize("rate", [0.2, 0.3, 0.5])
def test_ten_rounds_keep_what_a_sort_keeps(rate: float) -> None:
    """Against the oracle: each tensor by itself, lower index first among equals."""
    rng = np.random.default_rng(3)
    model = lth.wrap(small.dense_model(), rate)
    masks = [np.ones(w.shape, bool) for w in Network.of(model).pruned]
    for _ in range(10):
        expected = []
        for weight, mask in zip(Network.of(model).pruned, masks, strict=True):
            # Few values, so that there are ties; and zeros that were not pruned.
            value = rng.integers(-3, 4, weight.shape).astype(np.float32) * mask
            weight.write(value)
            expected.append(small.pruned_by_hand(value, mask, rate))
        density = lth.prune(model)
        masks = [w.read_mask() for w in Network.of(model).pruned]
        assert small.same_bits(masks, expected)
        assert density == sum(m.sum() for m in masks) / sum(m.size for m in masks)
        lth.verify(model)


def test_global_scope_ranks_all_tensors_as_one() -> None:
    model = lth.wrap(small.dense_model(), 0.25, scope="global")
    first, second = Network.of(model).pruned
    first.write(np.linspace(0.5, 1.5, 48, dtype=np.float32).reshape(6, 8))
    second.write(np.linspace(-1.0, -0.01, 24, dtype=np.float32).reshape(8, 3))
    together = np.concatenate([first.read().ravel(), second.read().ravel()])
    expected = small.pruned_by_hand(together, np.ones(72, bool), 0.25)
    lth.prune(model)
    found = np.concatenate([first.read_mask().ravel(), second.read_mask().ravel()])
    np.testing.assert_array_equal(found, expected)
    assert found.sum() == 54


def test_rewind_sets_every_weight_and_only_kept_ones_to_theta_0() -> None:
    model = small.compiled()
    start = lth.capture(model)
    model.fit(X, Y, batch_size=10, verbose=0)
    moved = [
        not np.array_equal(a, b)
        for a, b in zip(small.values(model), start.weights, strict=True)
    ]
    assert all(moved), "biases and moving statistics too"
    lth.prune(model)
    lth.rewind(model, start)
    expected = [
        small.masked(w, m)
        for w, m in zip(start.weights, small.masks(model), strict=True)
    ]
    assert small.same_bits(small.values(model), expected)
    assert not any(np.signbit(v[v == 0]).any() for v in small.values(model))


@pytest.mark.slow
def test_a_loop_of_ones_own_obeys_the_masks_with_an_optimizer_of_its_own() -> None:
    """Against the same net with hand-masked weights and gradients."""
    model = lth.wrap(small.dense_model(), 0.4)
    optimizer = keras.optimizers.Adam(0.01)
    start = lth.capture(model, optimizer)
    for _ in range(5):
        step(model, optimizer)
    lth.prune(model, optimizer=optimizer)
    lth.rewind(model, start, optimizer)
    assert int(optimizer.iterations) == 0
    masks = small.masks(model)

    plain = small.dense_model()
    plain.set_weights(
        [small.masked(w, m) for w, m in zip(start.weights, masks, strict=True)]
    )
    by_hand = keras.optimizers.Adam(0.01)
    trainable = {id(v) for v in plain.trainable_variables}
    on = [m for v, m in zip(plain.weights, masks, strict=True) if id(v) in trainable]
    for _ in range(6):
        step(model, optimizer)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(
                    Y, plain(X, training=True), from_logits=True
                )
            )
        gradients = tape.gradient(loss, plain.trainable_variables)
        by_hand.apply_gradients(
            (g * tf.cast(m, g.dtype), v)
            for g, m, v in zip(gradients, on, plain.trainable_variables, strict=True)
        )
        lth.verify(model, optimizer)
    assert small.same_bits(small.values(model), plain.get_weights())


def test_a_start_without_the_optimizer_is_refused_once_it_has_stepped() -> None:
    model = lth.wrap(small.dense_model())
    optimizer = keras.optimizers.Adam(0.01)
    start = lth.capture(model)
    lth.rewind(model, start, optimizer)
    step(model, optimizer)
    with pytest.raises(LotteryError, match="captured without the optimizer"):
        lth.rewind(model, start, optimizer)


def test_verify_names_a_planted_weight_and_a_planted_slot() -> None:
    model = small.compiled()
    model.fit(X, Y, verbose=0)
    lth.prune(model)
    weight = Network.of(model).pruned[1]
    place = tuple(np.argwhere(~weight.read_mask())[0])
    value = weight.read()
    value[place] = 1e-30
    weight.write(value)
    with pytest.raises(LotteryError, match=f"not on the masks: {weight.path}"):
        lth.verify(model)
    lth.project(model)
    lth.verify(model)
    slot = next(v for v in model.optimizer.variables if v.shape == weight.shape)
    value = slot.numpy()
    value[place] = 1e-30
    slot.assign(value)
    with pytest.raises(LotteryError, match=f"slot momentums of {weight.path}"):
        lth.verify(model)
    lth.project(model)
    lth.verify(model)


def test_nothing_is_pruned_when_one_tensor_would_run_empty() -> None:
    model = lth.wrap(small.dense_model(), 0.9)
    first, second = Network.of(model).pruned
    mask = np.zeros(second.shape, bool)
    mask[0, 0] = True
    second.write_mask(mask)
    before = first.read_mask()
    with pytest.raises(LotteryError, match=f"leave {second.path} without any weight"):
        lth.prune(model)
    np.testing.assert_array_equal(first.read_mask(), before)


def test_a_criterion_that_compares_with_theta_0_needs_it() -> None:
    model = lth.wrap(small.dense_model(), 0.5, criterion="movement")
    start = lth.capture(model)
    with pytest.raises(LotteryError, match="criterion='movement'"):
        lth.prune(model)
    weight = Network.of(model).pruned[1]
    moved = np.zeros(weight.shape, np.float32)
    moved.ravel()[:12] = np.arange(1, 13)
    weight.write(weight.read() + moved)
    lth.prune(model, start)
    np.testing.assert_array_equal(weight.read_mask(), moved > 0)


def test_a_criterion_must_score_every_weight(monkeypatch) -> None:
    # Other tests know the criteria there are.
    monkeypatch.setattr(criteria.REGISTRY, "entries", dict(criteria.REGISTRY.entries))
    lth.criteria.register("one_number", needs_initial=False)(lambda i, t, r: t.sum())
    model = lth.wrap(small.dense_model(), criterion="one_number")
    with pytest.raises(LotteryError, match=r"scores of shape \(\)"):
        lth.prune(model)


@pytest.mark.slow
def test_random_scores_follow_the_seed() -> None:
    def mask(seed: int) -> np.ndarray:
        model = lth.wrap(small.dense_model(), 0.5, criterion="random")
        lth.prune(model, seed=seed)
        return Network.of(model).pruned[0].read_mask()

    np.testing.assert_array_equal(mask(1), mask(1))
    assert (mask(1) != mask(2)).any()
    assert mask(1).sum() == 24


def test_a_model_that_is_not_wrapped_is_refused() -> None:
    for act in (lth.prune, lth.verify, lth.project):
        with pytest.raises(LotteryError, match="lth.wrap"):
            act(small.dense_model())


def test_a_model_wrapped_by_stock_tfmot_is_not_pruned_by_us() -> None:
    model = tfmot.sparsity.keras.prune_low_magnitude(small.dense_model())
    with pytest.raises(LotteryError, match="stock tfmot"):
        lth.prune(model)


def test_an_unbuilt_model_has_nothing_to_capture() -> None:
    with pytest.raises(LotteryError, match="has no weights yet"):
        lth.capture(lth.wrap(keras.Sequential([layers.Dense(3)])))


def test_a_start_of_another_architecture_is_refused() -> None:
    start = lth.capture(lth.wrap(small.dense_model()))
    wide = lth.wrap(keras.Sequential([layers.Dense(4, input_shape=(6,))]))
    with pytest.raises(LotteryError, match="has 8 weights, the model has 2"):
        lth.rewind(wide, start)
    with pytest.raises(LotteryError, match=r"has shape \(6, 8\).*of shape \(6, 4\)"):
        lth.rewind(wide, lth.Start(start.weights[:2]))


def test_a_shared_layer_is_pruned_once() -> None:
    shared = layers.Dense(6)
    inputs = keras.Input((6,))
    model = lth.wrap(keras.Model(inputs, shared(shared(inputs))), 0.5)
    assert lth.prune(model) == 0.5
