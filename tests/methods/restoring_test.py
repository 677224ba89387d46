"""Dense and sparse phases in turn, as a loop by hand carries them out."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from tests.support import small_search as small

RATE = 0.1


def compiled(method: lth.methods.Method) -> keras.Model:
    method.model.compile(
        keras.optimizers.SGD(RATE, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return method.model


def phase_by_hand(model: keras.Model, masks: list[np.ndarray], rate: float) -> None:
    """A fit of a plain model whose kernels are put on masks after every step."""
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]

    class Masks(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            for kernel, mask in zip(kernels, masks, strict=True):
                kernel.assign(np.where(mask, kernel.numpy(), 0))

        def on_train_batch_end(self, batch, logs=None):
            self.on_train_begin()

    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(
        small.X, small.Y, batch_size=10, shuffle=False, verbose=0, callbacks=[Masks()]
    )


def fit(model: keras.Model) -> None:
    model.fit(small.X, small.Y, batch_size=10, shuffle=False, verbose=0)


def test_dense_sparse_dense_is_what_a_loop_by_hand_trains():
    plain = small.dense_model()
    method = lth.methods.DenseSparseDense(plain, rates=0.4, dense_rate=0.25)
    model = compiled(method)
    names, densities, traces = [], [], set()
    for phase in method.phases():
        names.append(phase.name)
        densities.append(Network.of(model).density)
        fit(model)
        lth.verify(model)
        traces.add(model.train_function.experimental_get_tracing_count())
    assert names == ["dense", "sparse", "dense"] and len(traces) == 1
    assert densities[0] == densities[2] == 1 and 0.55 < densities[1] < 0.65
    kernels = [layer.kernel for layer in plain.layers if hasattr(layer, "kernel")]
    dense = [np.ones(kernel.shape, bool) for kernel in kernels]
    phase_by_hand(plain, dense, RATE)
    sparse = [
        small.pruned_by_hand(kernel.numpy(), mask, 0.4)
        for kernel, mask in zip(kernels, dense, strict=True)
    ]
    phase_by_hand(plain, sparse, RATE)
    phase_by_hand(plain, dense, RATE / 4)
    found, wanted = small.values(model), plain.get_weights()
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    # The rate is the compiled one again.
    assert float(model.optimizer.learning_rate) == np.float32(RATE)


@pytest.mark.slow
def test_hard_thresholding_prunes_and_releases_in_turn():
    method = lth.methods.HardThresholding(small.dense_model(), rates=0.5, rounds=2)
    model, network = compiled(method), Network.of(method.model)
    masks, before = [], network.pruned[0].read()
    for phase in method.phases():
        mask = network.pruned[0].read_mask()
        trained = network.pruned[0].read()
        if phase.name == "sparse":
            every = np.ones(mask.shape, bool)
            assert np.array_equal(mask, small.pruned_by_hand(before, every, 0.5))
            assert np.array_equal(trained, np.where(mask, before, 0))
            masks.append(mask)
        else:
            assert mask.all()
        fit(model)
        before = network.pruned[0].read()
    assert len(masks) == 3
    ticket = method.ticket()
    assert ticket.density == 0.5 and np.array_equal(next(ticket.pruned())[1], masks[2])


def test_a_schedule_is_scaled_and_put_back():
    method = lth.methods.DenseSparseDense(small.dense_model(), dense_rate=0.5)
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.2, 0.1])
    method.model.compile(keras.optimizers.SGD(schedule), "mse")

    def rate() -> float:
        return float(compat.learning_rate_schedule(method.model.optimizer)(0))

    rates = [rate() for _ in method.phases()]
    assert rates == [np.float32(each) for each in (0.2, 0.2, 0.1)]
    assert rate() == np.float32(0.2)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("DenseSparseDense", {"dense_rate": 0}, "dense_rate=0: give what the learning"),
        ("DenseSparseDense", {"rates": 1.0}, "rate=1.0 is not a pruning rate"),
        ("HardThresholding", {"rounds": 0}, "rounds=0: give a number of rounds"),
    ],
)
def test_what_cannot_be_used_is_refused(kind, arguments, message):
    with pytest.raises(lth.LotteryError, match=message):
        getattr(lth.methods, kind)(small.dense_model(), **arguments)
