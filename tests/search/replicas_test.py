"""A search under MirroredStrategy over two logical CPUs, in a process of its own."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import small_search as small


def search_on_two_replicas() -> None:
    """BatchNorm, dropout, a rewind into mid-epoch, evaluation, a control."""
    import tensorflow as tf

    import lth_keras as lth
    from lth_keras.compat import keras
    from lth_keras.masking.network import Network

    x, y = small.data(48)
    validation = small.data(30, 1)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    began = []

    class Beginnings(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.fresh = True

        def on_train_batch_begin(self, batch, logs=None):
            if self.fresh:
                began.append(
                    (small.values(self.model), self.model.optimizer.iterations.numpy())
                )
            self.fresh = False

    def searched(directory: str):
        with strategy.scope():
            plain = small.dense_model(dropout=0.3)
        model = lth.wrap(plain, 0.3)
        with strategy.scope():
            model.compile(
                keras.optimizers.Adam(0.01),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
                steps_per_execution=2,
            )
        one = lth.LotterySearch(model, 2, directory, rewind_to="2it", seed=1)
        history = one.fit(
            x, y, batch_size=12, epochs=2, verbose=0,
            validation_data=validation, evaluate_every=2, callbacks=[Beginnings()],
        )  # fmt: skip
        return model, one, history

    model, one, history = searched("one")
    rewound = lth.Ticket.load(one.directory.level(0).rewind).weights
    for level in (1, 2):
        expected = [
            v.value if w.mask is None else small.masked(v.value, w.mask)
            for v, w in zip(rewound, one.ticket(level).weights, strict=True)
        ]
        values, iterations = began[level]
        assert small.same_bits(values, expected)
        assert iterations == 2
    assert [row["iterations"] for row in history.results] == [8, 8, 8]
    assert history.curves[1]["iteration"] == [4, 6, 8]
    lth.verify(model)
    for weight in Network.of(model).pruned:
        for copy in weight.variable.values:
            assert not np.any(copy.numpy()[~weight.read_mask()])
    found = model.evaluate(*validation, verbose=0, return_dict=True)
    assert history.curves[2]["val_loss"][-1] == pytest.approx(found["loss"], rel=1e-4)
    lth.controls.run(one, "random_reinit", levels=[1])
    lth.verify(model)
    plain = lth.unwrap(model)
    assert np.allclose(plain.predict(x[:4], verbose=0), model.predict(x[:4], verbose=0))


@pytest.mark.slow
@pytest.mark.distributed
def test_a_search_on_two_replicas_obeys_the_invariants(in_own_process) -> None:
    in_own_process(search_on_two_replicas)
