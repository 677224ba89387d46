"""Replicas whose metrics are read once an execution train as Keras trains them."""

from __future__ import annotations

import numpy as np
import pytest


def train_both_ways() -> None:
    """Logs of each execution, history and weights, against Keras's own `fit`."""
    import tensorflow as tf

    from lth_keras import compat
    from lth_keras.compat import keras
    from tests.support import small_search as small

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    x, y = small.data(48)

    class Own(keras.Model):
        """Its steps return more than its metrics."""

        def train_step(self, data):
            return {**super().train_step(data), "constant": tf.constant(3.0)}

    class Logs(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append((batch, dict(logs)))

    def trained(kind, around, **options):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            inputs = keras.Input((6,))
            hidden = keras.layers.Dense(8, "relu", kernel_regularizer="l2")(inputs)
            normal = keras.layers.BatchNormalization()(hidden)
            model = kind(inputs, keras.layers.Dense(3)(normal))
            model.compile(
                keras.optimizers.Adam(0.01),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
                **options,
            )
        logs = Logs()
        # The batches of 10 leave one of 8, which the replicas share too.
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(10)
        with around(model):
            history = model.fit(data, epochs=3, verbose=0, callbacks=[logs])
        return model, history.history, logs.seen

    def as_keras_does(model):
        return strategy.scope()

    for steps in (1, 2):
        kept = dict(steps_per_execution=steps)
        ours, history, seen = trained(
            keras.Model, compat.read_once_an_execution, **kept
        )
        keras_own, expected, logs = trained(keras.Model, as_keras_does, **kept)
        assert compat.may_stay_unread(ours)
        assert history == expected and len(history["loss"]) == 3
        assert seen == logs and set(seen[0][1]) == {"loss", "accuracy"}
        pairs = zip(ours.get_weights(), keras_own.get_weights(), strict=True)
        assert all(small.same_bits([a], [b]) for a, b in pairs)
        assert ours.train_function.experimental_get_tracing_count() <= 2
        # Nothing is left behind: the model goes on by itself.
        assert not {"make_train_function", "get_metrics_result"} & set(vars(ours))
        ours.fit(x, y, verbose=0)

    own, history, _ = trained(Own, compat.read_once_an_execution)
    assert not compat.may_stay_unread(own)
    assert np.allclose(history["constant"], 2 * 3.0)  # Keras adds what replicas say.
    eager, history, _ = trained(
        keras.Model, compat.read_once_an_execution, run_eagerly=True
    )
    assert not compat.may_stay_unread(eager)
    assert np.allclose(history["loss"], expected["loss"], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.distributed
def test_metrics_read_once_are_those_that_keras_reads_every_step(in_own_process):
    in_own_process(train_both_ways)
