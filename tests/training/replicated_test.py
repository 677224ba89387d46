"""A batch in parts, and evaluation on two replicas against one and against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.training import replicated


@pytest.mark.parametrize(
    ("examples", "replicas", "expected"),
    [(6, 2, [0, 3, 6]), (7, 3, [0, 2, 4, 7]), (1, 2, [0, 0, 1]), (0, 2, [0, 0, 0])],
)
def test_parts_are_even_and_leave_nothing_out(examples, replicas, expected):
    assert replicated.bounds(examples, replicas) == expected


def evaluated_on_two_replicas() -> None:
    """Ragged last batches, one example alone, weights, a Dataset, a custom step."""
    import tensorflow as tf

    from lth_keras.compat import keras
    from lth_keras.training import evaluators_of
    from tests.support import small_search as small

    def made(strategy, kind=keras.Model):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            inputs = keras.Input((6,))
            hidden = keras.layers.Dense(8, "relu", kernel_regularizer="l2")(inputs)
            normal = keras.layers.BatchNormalization()(hidden)
            model = kind(inputs, keras.layers.Dense(3)(normal))
            model.compile(
                "sgd",
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
                weighted_metrics=["sparse_categorical_crossentropy"],
            )
        return model

    two = made(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    one = made(tf.distribute.get_strategy())
    for examples in (1, 2, 3, 45, 2001):
        x, y = small.data(examples, seed=4)
        weight = np.linspace(0.5, 2.0, examples, dtype=np.float32)
        for data in (
            (x, y),
            (x, y, weight),
            tf.data.Dataset.from_tensor_slices((x, y)).batch(20),
        ):
            found = evaluators_of.evaluator_of(two, data)()
            assert found == pytest.approx(
                evaluators_of.evaluator_of(one, data)(), rel=1e-5
            )
        right = np.mean(two.predict(x, verbose=0).argmax(axis=1) == y)
        assert found["accuracy"] == pytest.approx(right, abs=1e-7)

    class Counts(keras.Model):
        """Its metric is of the inputs."""

        def test_step(self, data):
            x, y = data
            self.compiled_metrics.update_state(y, self(x, training=False))
            logs = {m.name: m.result() for m in self.metrics}
            return {**logs, "constant": tf.constant(3.0)}

    own = made(two.distribute_strategy, Counts)
    assert evaluators_of.evaluator_of(own, (x, y))()["constant"] == 3.0

    # The metrics of the epoch go on as though nothing had been evaluated.
    two.fit(x[:40], y[:40], batch_size=20, verbose=0)
    before = [v.numpy() for m in two.metrics for v in m.variables]
    evaluators_of.evaluator_of(two, (x, y))()
    after = [v.numpy() for m in two.metrics for v in m.variables]
    assert before and all(map(np.array_equal, before, after))
    assert any(np.any(value) for value in before)


@pytest.mark.slow
@pytest.mark.distributed
def test_two_replicas_count_every_example_once(in_own_process) -> None:
    in_own_process(evaluated_on_two_replicas)
