"""Under a distribution strategy: two replicas on logical CPUs, a process per test."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.distributed, pytest.mark.slow]


def wrapped_in_the_models_own_scope() -> None:
    import numpy as np
    import tensorflow as tf

    import lth_keras as lth
    from lth_keras.compat import keras
    from tests.support.masked_models import held, masked, violations
    from tests.support.model_zoo import floats

    strategy = tf.distribute.MirroredStrategy()
    assert strategy.num_replicas_in_sync == 2
    layers = keras.layers
    with strategy.scope():
        plain = keras.Sequential(
            [
                layers.Dense(8, kernel_constraint="max_norm", input_shape=(6,)),
                layers.BatchNormalization(),
                layers.Dense(3),
            ]
        )
    # Outside the scope, on purpose.
    model = masked(lth.wrap(plain, 0.5))
    for weight, mask in held(model):
        assert len(mask.values) == 2 and len(weight.values) == 2
        first, second = (part.numpy() for part in mask.values)
        assert np.array_equal(first, second) and 0 < first.mean() < 1

    class Watch(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1
            assert violations(model) == []
            for weight, mask in held(model):
                for part in weight.values:
                    assert not part.numpy()[mask.numpy() == 0].any()

    with strategy.scope():
        model.compile(keras.optimizers.Adam(0.01, clipnorm=0.1), "mse")
    watch = Watch()
    inputs, targets = floats(16, 6) + 2, floats(16, 3)
    model.fit(inputs, targets, 8, epochs=2, verbose=0, callbacks=[watch])
    assert watch.batches == 4
    lth.prune(model)
    model.fit(inputs, targets, 8, verbose=0, callbacks=[watch])
    lth.verify(model)

    # Each replica has moving statistics of its own; the export has their mean.
    statistics = [part.numpy() for part in model.layers[1].moving_mean.values]
    assert np.abs(statistics[0] - statistics[1]).max() > 0
    exported = lth.unwrap(model)
    np.testing.assert_allclose(
        exported.layers[1].moving_mean.numpy(), np.mean(statistics, axis=0), rtol=1e-6
    )
    single = floats(4, 6)
    outputs = exported.predict(single, verbose=0)
    # And from a file, in no strategy.
    exported.save("plain.keras")
    plain = keras.models.load_model("plain.keras")
    np.testing.assert_allclose(plain(single), outputs, rtol=1e-5, atol=1e-6)
    print("checked")


def trained_on_two_replicas_and_on_one() -> None:
    import numpy as np
    import tensorflow as tf

    import lth_keras as lth
    from lth_keras.compat import keras
    from tests.support.masked_models import arrays, masked
    from tests.support.model_zoo import floats

    def trained(strategy: tf.distribute.Strategy) -> list[np.ndarray]:
        keras.utils.set_random_seed(0)
        with strategy.scope():
            plain = keras.Sequential(
                [
                    keras.layers.Dense(8, activation="tanh", input_shape=(6,)),
                    keras.layers.Dense(3),
                ]
            )
            model = masked(lth.wrap(plain, 0.5))
            model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        data = (floats(16, 6), floats(16, 3))
        model.fit(*data, batch_size=8, epochs=2, shuffle=False, verbose=0)
        return arrays(lth.unwrap(model).get_weights())

    two, one = (
        trained(tf.distribute.MirroredStrategy()),
        trained(tf.distribute.get_strategy()),
    )
    for first, second in zip(two, one, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(first == 0, second == 0)
    print("checked")


def searched_in_place_on_two_replicas() -> None:
    import numpy as np
    import tensorflow as tf

    import lth_keras as lth
    from tests.support import by_hand, own_models

    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        model, data = own_models.made(own_models.residual)
    lth.hold(model, 0.3)  # Outside the scope, on purpose.
    search = lth.LotterySearch(model, 2, "run", seed=3)
    search.fit(**data, batch_size=8, verbose=0)
    lth.verify(model)
    ticket = search.ticket(2)
    pruned = [w for w in ticket.weights if w.mask is not None]
    for first, weight in zip(search.ticket(0).weights, ticket.weights, strict=True):
        if weight.mask is not None:
            assert np.array_equal(weight.value, np.where(weight.mask, first.value, 0))
    raw = [by_hand.raw(v) for v in model.weights]
    on_masks = [v for v in raw if v.shape in [w.mask.shape for w in pruned]]
    for variable in on_masks:
        first, second = (part.numpy() for part in variable.values)
        assert np.array_equal(first, second)
    assert sum(0 < np.mean(v.numpy() == 0) < 1 for v in on_masks) == len(pruned)
    print("checked")


@pytest.mark.parametrize(
    "program",
    [
        wrapped_in_the_models_own_scope,
        trained_on_two_replicas_and_on_one,
        searched_in_place_on_two_replicas,
    ],
    ids=lambda program: program.__name__,
)
def test_two_replicas(program, in_own_process):
    assert "checked" in in_own_process(program)
