"""Learned masks: trained by fit as a loop by hand trains them; the weights stay."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking import draws, scores
from lth_keras.masking.network import Network
from tests.support import small_search as small

import tensorflow as tf  # isort: skip

RATE, STEPS = 0.5, 4


def compiled(method: lth.methods.Method, **arguments) -> keras.Model:
    method.model.compile(
        keras.optimizers.SGD(RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **arguments,
    )
    return method.model


def two_layers(seed: int = 1) -> keras.Model:
    with compat.seeded(seed):
        return keras.Sequential(
            [
                keras.layers.Dense(8, "relu", input_shape=(6,), name="hidden"),
                keras.layers.Dense(small.CLASSES, name="head"),
            ]
        )


def gradients(kernels, biases, x, y):
    """Of the mean cross-entropy by two kernels as they are used; in NumPy."""
    hidden = np.maximum(x @ kernels[0] + biases[0], 0)
    logits = hidden @ kernels[1] + biases[1]
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    error = (chances - np.eye(small.CLASSES)[y]) / len(y)
    back = error @ kernels[1].T * (hidden > 0)
    return [x.T @ back, hidden.T @ error]


def trained_by_hand(start, scores, share, slope):
    """A loop of SGD steps on scores, of which share and slope are functions."""
    kernels, biases = [w.astype("f8") for w in start[::2]], start[1::2]
    scores = [s.astype("f8") for s in scores]
    for step in range(STEPS):
        rows = slice(10 * step, 10 * step + 10)
        shares = [share(s, step, place) for place, s in enumerate(scores)]
        used = [w * m for w, m in zip(kernels, shares, strict=True)]
        found = gradients(used, biases, small.X[rows].astype("f8"), small.Y[rows])
        for place, gradient in enumerate(found):
            factor = slope(scores[place], shares[place])
            scores[place] = scores[place] - RATE * gradient * kernels[place] * factor
    return scores


def fitted(method, jit: bool = False):
    """Start, scores before and after a fit of some steps in the order of the data."""
    network = Network.of(method.model)
    start = [weight.read() for weight in network.weights]
    scores = [weight.read() for weight in network.learned]
    model = compiled(method, jit_compile=jit)
    model.fit(small.X[:40], small.Y[:40], batch_size=10, shuffle=False, verbose=0)
    assert small.same_bits([weight.read() for weight in network.weights], start)
    return start, scores, [weight.read() for weight in network.learned]


def top(scores, keep):
    flat = np.abs(scores).reshape(-1)
    order = sorted(range(flat.size), key=lambda i: (-flat[i], i))
    found = np.zeros(flat.size)
    found[order[:keep]] = 1
    return found.reshape(scores.shape)


@pytest.mark.parametrize(
    "weights", ["signed_constant", pytest.param("kaiming", marks=pytest.mark.slow)]
)
def test_edge_popup_trains_scores_as_a_loop_by_hand_does(weights):
    method = lth.methods.EdgePopup(two_layers(), keep=0.3, weights=weights)
    start, scores, found = fitted(method)
    keeps = [s.size - round(0.7 * s.size) for s in scores]
    expected = trained_by_hand(
        start,
        scores,
        lambda s, step, place: top(s, keeps[place]),
        lambda s, share: np.sign(s),
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)
    ticket = method.ticket()
    for (weight, mask), s, w in zip(ticket.pruned(), found, start[::2], strict=True):
        assert np.array_equal(mask, top(s, mask.sum()) == 1)
        assert small.same_bits([weight.value], [small.masked(w, mask)])
    # As the paper has them: sqrt(2 / fan_in), more by what is left out.
    deviation = np.sqrt(2 / 6 / 0.3)
    if weights == "signed_constant":
        assert np.allclose(np.abs(start[0]), deviation)
        assert (np.sign(start[0]) == np.sign(two_layers().get_weights()[0])).all()
    else:
        assert start[0].std() == pytest.approx(deviation, rel=0.3)


@pytest.mark.parametrize("rescale", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_supermask_trains_scores_as_a_loop_by_hand_does(rescale):
    method = lth.methods.Supermask(two_layers(), rescale=rescale, seed=5)
    start, scores, found = fitted(method)
    assert small.same_bits(start, two_layers().get_weights())
    assert not np.concatenate([s.ravel() for s in scores]).any()

    def share(s, step, place):
        seed = 5 * 1_000_003 + 100 * place
        drawn = draws.uniform(s.shape, seed, tf.constant(step, tf.int64)).numpy()
        kept = (drawn < 1 / (1 + np.exp(-s))).astype("f8")
        return kept * (kept.size / kept.sum() if rescale else 1)

    def slope(s, shares):
        chance = 1 / (1 + np.exp(-s))
        return chance * (1 - chance) * (shares.max() if rescale else 1)

    expected = trained_by_hand(start, scores, share, slope)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)
    for (weight, mask), s, w in zip(
        method.ticket().pruned(), found, start[::2], strict=True
    ):
        assert np.array_equal(mask, s > 0)
        factor = np.float32(mask.size / mask.sum() if rescale else 1)
        assert small.same_bits([weight.value], [small.masked(w * factor, mask)])


def test_what_is_found_is_what_evaluation_computes_and_an_ordinary_ticket():
    plain = small.dense_model()
    method = lth.methods.EdgePopup(plain, keep=0.6)
    model = compiled(method)
    before = [w.copy() for w in plain.get_weights()]
    model.fit(small.X, small.Y, batch_size=10, epochs=2, verbose=0)
    assert small.same_bits(plain.get_weights(), before)
    ticket, wanted = method.ticket(), model(small.X, training=False)
    assert ticket.densities["dense/kernel"] == pytest.approx(0.6, abs=0.02)
    wrapped = small.compiled(small.dense_model(seed=2))
    ticket.apply(wrapped)
    lth.verify(wrapped)
    for other in (wrapped, lth.unwrap(wrapped), lth.unwrap(model)):
        assert np.array_equal(other(small.X, training=False), wanted)
    # The scale and offset of a normalisation do not train, its statistics do.
    gamma, beta, mean, _ = plain.layers[1].get_weights()
    found = lth.unwrap(wrapped).layers[1].get_weights()
    assert small.same_bits(found[:2], [gamma, beta]) and (found[2] != mean).any()
    assert len(lth.unwrap(model).trainable_variables) == 6


@pytest.mark.slow
def test_evaluation_writes_nothing_and_one_trace_serves_all():
    method = lth.methods.Supermask(small.dense_model(), evaluate="sample")
    model = compiled(method)
    model.fit(small.X[:40], small.Y[:40], batch_size=10, epochs=2, verbose=0)
    traced = model.train_function.experimental_get_tracing_count()
    before = [v.numpy() for v in model.variables]
    first = model.predict(small.X, verbose=0)
    model.evaluate(small.X, small.Y, verbose=0)
    assert small.same_bits([v.numpy() for v in model.variables], before)
    # Drawn by the step, which evaluation leaves where it is.
    assert np.array_equal(first, model.predict(small.X, verbose=0))
    model.fit(small.X[:40], small.Y[:40], batch_size=10, verbose=0)
    assert model.train_function.experimental_get_tracing_count() == traced
    assert not np.array_equal(first, model.predict(small.X, verbose=0))


def test_tensors_of_many_shapes_are_drawn_for_in_one_process():
    """A function that is traced for too many would forget the shapes."""
    reading = scores.Bernoulli(rescale=False)
    for size in range(1, 8):
        given = tf.fill([2, size], 20.0)
        moment, _ = reading.now(given, True, tf.constant(0, tf.int64), 0)
        assert np.array_equal(moment.share, np.ones((2, size)))


def test_a_regulariser_of_a_kernel_acts_on_its_scores():
    model = keras.Sequential(
        [keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.5))]
    )
    model.build((None, 3))
    method = lth.methods.EdgePopup(model)
    (scores,) = (weight.read() for weight in Network.of(method.model).learned)
    (loss,) = method.model.losses
    assert float(loss) == pytest.approx(0.5 * np.sum(scores**2), rel=1e-6)


@pytest.mark.slow
def test_a_saved_model_goes_on_as_it_was(tmp_path):
    method = lth.methods.Supermask(two_layers(), seed=2)
    compiled(method).fit(small.X, small.Y, batch_size=10, verbose=0)
    method.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for model in (method.model, again):
        model.fit(small.X, small.Y, batch_size=10, shuffle=False, verbose=0)
    found, wanted = (
        [w.read() for w in Network.of(m).learned] for m in (again, method.model)
    )
    assert small.same_bits(found, wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keep": 0}, "keep=0: give the share"),
        ({"keep": "half"}, "keep='half': give the share"),
        ({"weights": "ones"}, "weights='ones' are not known: use 'init', 'kaiming'"),
        ({"seed": -1}, "seed=-1: give a seed"),
        ({"exclude": "nothing"}, "nothing"),
        ({"exclude": "d"}, "no layer whose weights a mask can choose from"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, message):
    with pytest.raises(lth.LotteryError, match=message):
        lth.methods.EdgePopup(two_layers(), **arguments)


def test_models_that_have_no_weights_or_are_wrapped_are_refused():
    with pytest.raises(lth.LotteryError, match="no weights yet"):
        lth.methods.Supermask(keras.Sequential([keras.layers.Dense(2)]))
    with pytest.raises(lth.LotteryError, match="wrapped already"):
        lth.methods.Supermask(small.compiled())
    with pytest.raises(lth.LotteryError, match="evaluate='mean' is not known"):
        lth.methods.Supermask(two_layers(), evaluate="mean")


def on_two_replicas() -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for kind in (lth.methods.EdgePopup, lth.methods.Supermask):
        with strategy.scope():
            method = kind(two_layers())
            compiled(method)
        network = Network.of(method.model)
        before = [w.read() for w in network.weights]
        method.model.fit(small.X[:40], small.Y[:40], batch_size=10, verbose=0)
        assert small.same_bits([w.read() for w in network.weights], before)
        for weight in network.learned:
            first, second = (part.numpy() for part in weight.variable.values)
            assert np.array_equal(first, second)
        method.ticket().apply(small.compiled(two_layers()))


@pytest.mark.slow
@pytest.mark.distributed
def test_masks_are_learned_on_two_replicas(in_own_process):
    in_own_process(on_two_replicas, timeout=600)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["EdgePopup", "Supermask"])
def test_xla_and_mixed_precision_learn_the_same_mask_or_nearly(kind):
    masks = []
    for policy, jit in (
        ("float32", False),
        ("float32", True),
        ("mixed_bfloat16", False),
    ):
        keras.mixed_precision.set_global_policy(policy)
        method = getattr(lth.methods, kind)(two_layers())
        fitted(method, jit=jit)
        masks.append(np.concatenate([m.ravel() for _, m in method.ticket().pruned()]))
    assert np.array_equal(masks[0], masks[1])
    assert (masks[0] == masks[2]).mean() > 0.9
