"""Replicas that cut whole batches themselves train as Keras's own distributed `fit`."""

from __future__ import annotations

import pytest


def train_both_ways() -> None:
    """History and weights, with weights of examples and classes; what stays Keras's."""
    import tensorflow as tf

    from lth_keras import compat
    from lth_keras.compat import keras
    from lth_keras.training.batches import batches
    from tests.support import small_search as small

    devices = ["CPU:0", "CPU:1"]
    strategy = tf.distribute.MirroredStrategy(
        devices, tf.distribute.ReductionToOneDevice()
    )
    as_tensorflow_chooses = tf.distribute.MirroredStrategy(devices)
    x, y = small.data(48)
    weight = tf.linspace(0.5, 2.0, 48)

    def made(of):
        keras.utils.set_random_seed(0)
        with of.scope():
            inputs = keras.Input((6,))
            hidden = keras.layers.Dense(8, "relu", kernel_regularizer="l2")(inputs)
            normal = keras.layers.BatchNormalization()(hidden)
            model = keras.Model(inputs, keras.layers.Dense(3)(normal))
            model.compile(
                keras.optimizers.Adam(0.01),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
                steps_per_execution=2,
            )
        return model

    def data(size=12, kept=slice(None)):
        return batches((x[kept], y[kept], weight[kept]), size, seed=3)

    ours, keras_own = made(strategy), made(as_tensorflow_chooses)
    trainer = compat.trainer_of(ours)
    given = trainer.given(ours, data())
    assert isinstance(given, tf.distribute.DistributedDataset)
    fitted = dict(
        epochs=3, steps_per_epoch=4, verbose=0, class_weight={0: 2.0, 1: 1.0, 2: 0.5}
    )
    with trainer.fitting(ours):
        history = ours.fit(given, **fitted)
    expected = keras_own.fit(data(), **fitted)
    assert history.history == expected.history
    assert small.same_bits(ours.get_weights(), keras_own.get_weights())
    assert ours.train_function.experimental_get_tracing_count() == 1

    def stays(model, dataset):
        return trainer.given(model, dataset) is dataset

    # A last batch of another size, no equal parts, an end, one replica.
    assert stays(ours, data(kept=slice(40)))
    assert stays(ours, data(size=3))
    assert stays(ours, data().take(4))
    assert stays(made(tf.distribute.get_strategy()), data())


@pytest.mark.slow
@pytest.mark.distributed
def test_whole_batches_are_cut_as_keras_cuts_them(in_own_process):
    in_own_process(train_both_ways)
