"""One optimizer for two wrapped models: each is rewound with its own slots."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras, optimizer_slots
from lth_keras.errors import LotteryError

layers, optimizers = keras.layers, keras.optimizers
X = tf.constant(np.random.default_rng(0).random((8, 4), np.float32))

OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.1),
    "amsgrad": lambda: optimizers.Adam(0.1, amsgrad=True, use_ema=True),
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9),
    "nadam": lambda: optimizers.Nadam(0.1),
    "rmsprop": lambda: optimizers.RMSprop(0.1, momentum=0.9, centered=True),
    "adagrad": lambda: optimizers.Adagrad(0.1),
    "ftrl": lambda: optimizers.Ftrl(0.1),
    "lion": lambda: optimizers.Lion(0.1),
    "scaled": lambda: keras.mixed_precision.LossScaleOptimizer(optimizers.Adam(0.1)),
    "legacy": lambda: optimizers.legacy.Adam(0.1),
}

# One that has a variable of its own beside the slots, and one of the older kind.
FAST = ("nadam", "legacy")


def two(wrapped: bool = True) -> list[keras.Model]:
    keras.utils.set_random_seed(0)
    models = [
        keras.Sequential([layers.Dense(6, input_shape=(4,))]),
        keras.Sequential([layers.Dense(3, input_shape=(6,))]),
    ]
    return [lth.wrap(model, 0.2) for model in models] if wrapped else models


def step(models: list[keras.Model], optimizer) -> None:
    variables = [v for model in models for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(models[1](models[0](X)) ** 2)
    optimizer.apply_gradients(
        zip(tape.gradient(loss, variables), variables, strict=True)
    )


def weights(models: list[keras.Model]) -> list[np.ndarray]:
    return [v.numpy() for model in models for v in model.trainable_variables]


@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in sorted(OPTIMIZERS)
    ],
)
def test_the_second_capture_builds_what_the_first_left_out(name):
    """Training goes as in plain Keras with an optimizer built for both at once."""
    models, optimizer = two(), OPTIMIZERS[name]()
    starts = [(model, lth.capture(model, optimizer)) for model in models]
    first = weights(models)

    plain, plain_optimizer = two(wrapped=False), OPTIMIZERS[name]()
    if hasattr(plain_optimizer, "build"):
        plain_optimizer.build([v for m in plain for v in m.trainable_variables])
    for _ in range(3):
        step(models, optimizer)
        step(plain, plain_optimizer)
    for ours, theirs in zip(weights(models), weights(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)

    for model, start in starts:
        lth.rewind(model, start, optimizer)
    for now, before in zip(weights(models), first, strict=True):
        np.testing.assert_array_equal(now, before)
    assert int(optimizer.iterations) == 0
    # Rewound, they train as they did before.
    for _ in range(3):
        step(models, optimizer)
    for ours, theirs in zip(weights(models), weights(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for model, _ in starts:
        lth.prune(model, optimizer=optimizer)
    for model, start in starts:
        lth.rewind(model, start, optimizer)
        lth.verify(model, optimizer)


def test_rewinding_one_model_leaves_the_slots_of_the_other():
    models, optimizer = two(), optimizers.Adam(0.1)
    optimizer.build([v for model in models for v in model.trainable_variables])
    start = lth.capture(models[0], optimizer)
    lth.capture(models[1], optimizer)
    step(models, optimizer)
    kernels = [model.layers[0].layer.kernel.raw for model in models]
    slots = [optimizer_slots(optimizer, kernel)["momentums"] for kernel in kernels]
    other = slots[1].numpy()
    assert slots[0].numpy().any() and other.any()
    lth.rewind(models[0], start, optimizer)
    assert not slots[0].numpy().any()
    np.testing.assert_array_equal(slots[1].numpy(), other)


def test_an_optimizer_that_has_made_steps_takes_another_model_too():
    models, optimizer = two(), optimizers.Adam(0.1)
    lth.capture(models[0], optimizer)
    variables = models[0].trainable_variables
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in variables])
    slot = optimizer_slots(optimizer, variables[0])["momentums"]
    before = slot.numpy()
    lth.capture(models[1], optimizer)
    assert optimizer_slots(optimizer, variables[0])["momentums"] is slot
    np.testing.assert_array_equal(slot.numpy(), before)
    step(models, optimizer)


def test_an_optimizer_that_cannot_take_more_says_what_to_do():
    class Fixed(optimizers.SGD):
        """Keeps one slot for all the variables that it was built for first."""

        def build(self, var_list):
            if not hasattr(self, "momentums"):
                super().build(var_list)

    models, optimizer = two(), Fixed(0.1)
    lth.capture(models[0], optimizer)
    with pytest.raises(LotteryError) as error:
        lth.capture(models[1], optimizer)
    assert "\n" not in str(error.value)
    assert "optimizer.build(a.trainable_variables + b.tr" in str(error.value)


def test_layers_unfrozen_since_the_optimizer_was_built_get_their_slots():
    model, optimizer = two()[0], optimizers.Adam(0.1)
    model.add(lth.wrap(keras.Sequential([layers.Dense(6, input_shape=(6,))])).layers[0])
    model.layers[0].trainable = False
    lth.capture(model, optimizer)
    model.layers[0].trainable = True
    lth.capture(model, optimizer)
    variables = model.trainable_variables
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in variables])
