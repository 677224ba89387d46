"""Training on masks: as with hand-masked weights, and sparse at every moment.

The oracle multiplies each kernel by a constant mask in the forward pass of a plain
Keras layer (w * m) and knows nothing of this package.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from tests.support.model_zoo import arrays, equal, floats, held, masked, violations

layers = keras.layers
optimizers = keras.optimizers
legacy = keras.optimizers.legacy

INPUTS = floats(24, 6)
TARGETS = np.random.default_rng(1).normal(size=(24, 3)).astype("float32")


class HandMaskedDense(layers.Dense):
    """Dense with w * m in the forward pass."""

    mask = 1.0

    def call(self, inputs):
        product = tf.matmul(inputs, self.kernel * self.mask)
        return self.activation(tf.nn.bias_add(product, self.bias))


class HandMaskedConv(layers.Conv2D):
    """Conv2D with w * m in the forward pass."""

    mask = 1.0

    def call(self, inputs):
        found = self.convolution_op(inputs, self.kernel * self.mask)
        return self.activation(tf.nn.bias_add(found, self.bias))


def net(dense: type, conv: type, **arguments) -> keras.Model:
    return keras.Sequential(
        [
            layers.Reshape((3, 2, 1), input_shape=(6,)),
            conv(4, 2, activation="relu"),
            layers.Flatten(),
            dense(6, activation="tanh", **arguments),
            layers.BatchNormalization(),
            dense(3),
        ]
    )


def with_oracle(**arguments) -> tuple[keras.Model, keras.Model]:
    """A wrapped model on random masks, and the plain net masked by hand."""
    model = masked(lth.wrap(net(layers.Dense, layers.Conv2D, **arguments), 0.5))
    oracle = net(HandMaskedDense, HandMaskedConv, **arguments)
    plain = [layer for layer in model.layers if layer.weights]
    for layer, twin in zip(plain, [x for x in oracle.layers if x.weights], strict=True):
        twin.set_weights(layer.get_weights())
        if isinstance(layer, lth.PruneByLevel):
            twin.mask = layer.pruning_vars[0][1].numpy()
    return model, oracle


def fit(model: keras.Model, optimizer: object, epochs: int = 3, **compiling) -> None:
    model.compile(optimizer, "mse", **compiling)
    model.fit(INPUTS, TARGETS, batch_size=8, epochs=epochs, shuffle=False, verbose=0)


def effective(model: keras.Model) -> list[np.ndarray]:
    return arrays(
        [
            weight * layer.mask if weight.shape.rank > 1 else weight
            for layer in model.layers
            for weight in layer.weights
            if not isinstance(layer, lth.PruneByLevel)
            for layer.mask in [getattr(layer, "mask", 1.0)]
        ]
    )


EQUALS: dict[str, Callable[[], object]] = {
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam_clipnorm": lambda: optimizers.Adam(0.01, clipnorm=0.01),
    "sgd_global_clipnorm": lambda: optimizers.SGD(0.1, global_clipnorm=0.05),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "ema": lambda: optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=4),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "legacy_adam": lambda: legacy.Adam(0.01, clipnorm=0.1),
}


@pytest.mark.parametrize("name", EQUALS)
def test_training_equals_hand_masked_training_bit_for_bit(name):
    model, oracle = with_oracle()
    fit(model, EQUALS[name]())
    fit(oracle, EQUALS[name]())
    plain = lth.unwrap(model)
    assert equal(plain.weights, effective(oracle))
    assert equal(plain(INPUTS), oracle(INPUTS))


def test_it_equals_hand_masked_training_with_regularisers():
    # The regulariser of the oracle must see masked weights too: they start as zeros,
    # and l2 of a zero sends no gradient.
    model, oracle = with_oracle(kernel_regularizer="l2", activity_regularizer="l1")
    fit(model, optimizers.Adam(0.01))
    fit(oracle, optimizers.Adam(0.01))
    assert equal(lth.unwrap(model).weights, effective(oracle))


def test_it_equals_hand_masked_training_in_half_precision():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model, oracle = with_oracle()
    fit(model, optimizers.SGD(0.1, momentum=0.9))
    fit(oracle, optimizers.SGD(0.1, momentum=0.9))
    assert equal(lth.unwrap(model).weights, effective(oracle))


def test_under_xla_it_equals_hand_masked_training_to_the_last_places():
    # XLA fuses the product with the mask into other loops, and may sum in another
    # order there.
    model, oracle = with_oracle()
    fit(model, optimizers.Adam(0.01), jit_compile=True)
    fit(oracle, optimizers.Adam(0.01), jit_compile=True)
    for found, expected in zip(
        arrays(lth.unwrap(model).weights), effective(oracle), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_with_masks_of_ones_it_equals_the_plain_model():
    plain = net(layers.Dense, layers.Conv2D)
    model = lth.wrap(plain, 0.5)
    for each in (plain, model):
        fit(each, optimizers.Adam(0.01, clipnorm=0.1))
    assert equal(plain.weights, lth.unwrap(model).weights)


class Watch(keras.callbacks.Callback):
    """Notes each batch after which a pruned weight is not zero."""

    def __init__(self):
        super().__init__()
        self.batches = 0
        self.dense = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        self.dense += violations(self.model)


def watched(optimizer: object, model: keras.Model | None = None, **compiling) -> Watch:
    """Trains a small wrapped model on masks and then on smaller ones."""
    model = model or keras.Sequential(
        [layers.Dense(8, activation="tanh", input_shape=(6,)), layers.Dense(3)]
    )
    wrapped = masked(lth.wrap(model, 0.3), density=0.6)
    wrapped.compile(optimizer, "mse", **compiling)
    watch = Watch()
    arguments = {"batch_size": 8, "verbose": 0, "callbacks": [watch]}
    wrapped.fit(INPUTS, TARGETS, epochs=2, **arguments)
    # Pruning between two fits: slots of the freshly pruned weights are not empty.
    lth.prune(wrapped)
    wrapped.fit(INPUTS, TARGETS, epochs=1, **arguments)
    watch.dense += violations(wrapped)
    # Adafactor's moments mix rows and columns; verify knows.
    lth.verify(wrapped)
    assert all(np.isfinite(weight).all() for weight in arrays(wrapped.weights))
    # None of it for want of training.
    assert any((np.asarray(w) != 0).any() for w, _ in held(wrapped))
    return watch


EVERY_OPTIMIZER: dict[str, Callable[[], object]] = {
    **EQUALS,
    "sgd": lambda: optimizers.SGD(0.1),
    "adam_clipvalue": lambda: optimizers.Adam(0.01, clipvalue=0.001),
    "lion": lambda: optimizers.Lion(0.01),
    "adam_amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "adamax": lambda: optimizers.Adamax(0.01),
    "nadam": lambda: optimizers.Nadam(0.01),
    "adagrad": lambda: optimizers.Adagrad(0.1),
    "adadelta": lambda: optimizers.Adadelta(1.0),
    "ftrl": lambda: optimizers.Ftrl(0.1, l1_regularization_strength=0.01),
    "adafactor": lambda: optimizers.Adafactor(0.01),
    "sgd_weight_decay": lambda: optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01),
    "adam_ema": lambda: optimizers.Adam(0.01, use_ema=True),
    "loss_scaled": lambda: keras.mixed_precision.LossScaleOptimizer(
        optimizers.Adam(0.01)
    ),
    "legacy_loss_scaled": lambda: keras.mixed_precision.LossScaleOptimizer(
        legacy.SGD(0.1, momentum=0.9)
    ),
    "legacy_sgd": lambda: legacy.SGD(0.1, momentum=0.9, nesterov=True),
    "legacy_rmsprop": lambda: legacy.RMSprop(0.01, centered=True),
    "legacy_nadam": lambda: legacy.Nadam(0.01),
    "legacy_ftrl": lambda: legacy.Ftrl(0.1),
    "learning_rate_schedule": lambda: optimizers.Adam(
        optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)
    ),
}


@pytest.mark.parametrize("name", EVERY_OPTIMIZER)
def test_no_optimizer_revives_a_pruned_weight_after_any_batch(name):
    watch = watched(EVERY_OPTIMIZER[name]())
    assert watch.batches == 9 and watch.dense == []


@pytest.mark.parametrize(
    "compiling",
    [
        {"jit_compile": True},
        {"run_eagerly": True},
        {"steps_per_execution": 3},
        {"steps_per_execution": 3, "jit_compile": True},
    ],
    ids=str,
)
def test_no_way_to_run_the_step_revives_a_pruned_weight(compiling):
    watch = watched(optimizers.Adam(0.01), **compiling)
    assert watch.batches == (3 if "steps_per_execution" in compiling else 9)
    assert watch.dense == []


@pytest.mark.parametrize(
    ("policy", "jit"),
    [
        ("mixed_float16", False),
        ("mixed_float16", True),
        ("mixed_bfloat16", False),
        ("bfloat16", False),
    ],
)
def test_no_precision_revives_a_pruned_weight(policy, jit):
    keras.mixed_precision.set_global_policy(policy)
    assert watched(optimizers.Adam(0.01), jit_compile=jit).dense == []


def centred(weights: tf.Tensor) -> tf.Tensor:
    return weights - tf.reduce_mean(weights, axis=0, keepdims=True)


@pytest.mark.parametrize(
    ("policy", "constraint", "old"),
    [
        ("float32", keras.constraints.MaxNorm(0.5), False),
        ("float32", centred, False),
        ("float32", centred, True),
        ("mixed_float16", centred, False),
    ],
    ids=["max_norm", "centred", "centred_legacy", "centred_float16"],
)
def test_no_constraint_revives_a_pruned_weight(policy, constraint, old):
    keras.mixed_precision.set_global_policy(policy)
    model = keras.Sequential(
        [
            layers.Dense(8, kernel_constraint=constraint, input_shape=(6,)),
            layers.Dense(3, kernel_constraint=constraint),
        ]
    )
    optimizer = legacy.Adam(0.01) if old else optimizers.Adam(0.01)
    assert watched(optimizer, model).dense == []


@pytest.mark.parametrize("jit", [False, True])
def test_recurrent_and_embedded_weights_stay_pruned(jit):
    model = keras.Sequential(
        [
            layers.Embedding(9, 4, input_length=5),
            layers.RNN(
                [layers.GRUCell(3, recurrent_dropout=0.2), layers.SimpleRNNCell(2)]
            ),
            layers.Dense(3),
        ]
    )
    wrapped = masked(lth.wrap(model, 0.5, embeddings=True))
    # Its gradient is sparse; momentum and weight decay touch the whole table.
    optimizer = optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01)
    wrapped.compile(optimizer, "mse", jit_compile=jit)
    watch = Watch()
    ids = np.random.default_rng(0).integers(0, 9, (24, 5))
    wrapped.fit(ids, TARGETS, batch_size=8, verbose=0, callbacks=[watch])
    assert watch.batches == 3 and watch.dense == []
    lth.verify(wrapped)


@pytest.mark.parametrize("position", ["first", "last"])
@pytest.mark.parametrize("every", ["epoch", 2], ids=["epoch", "two_batches"])
def test_every_checkpoint_is_sparse_whatever_the_callback_order(
    position, every, tmp_path
):
    model = masked(lth.wrap(net(layers.Dense, layers.Conv2D), 0.5))
    model.compile(optimizers.Adam(0.01, use_ema=True), "mse")
    name = "{epoch}.keras" if every == "epoch" else "{epoch}_{batch}.keras"
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / name), save_freq=every)
    callbacks = [keras.callbacks.TerminateOnNaN()]
    callbacks.insert(0 if position == "first" else 1, saver)
    model.fit(INPUTS, TARGETS, 8, epochs=2, verbose=0, callbacks=callbacks)
    files = sorted(tmp_path.iterdir())
    assert len(files) == (2 if every == "epoch" else 3)
    for file in files:
        saved = keras.models.load_model(file)
        assert len(held(saved)) == 3 and violations(saved) == []


@pytest.mark.parametrize("method", ["evaluate", "predict", "test_on_batch", "call"])
def test_evaluating_and_predicting_write_nothing(method):
    model = masked(lth.wrap(net(layers.Dense, layers.Conv2D), 0.5))
    model.compile("adam", "mse")
    # A weight that is off its mask shows any write, even one that restores masks.
    for weight, _ in held(model):
        weight.assign(np.ones(weight.shape))
    before = arrays(model.weights)
    if method in ("evaluate", "test_on_batch"):
        getattr(model, method)(
            INPUTS, TARGETS, **({"verbose": 0} if method[0] == "e" else {})
        )
    elif method == "predict":
        model.predict(INPUTS, verbose=0)
    else:
        model(INPUTS, training=False)
    assert equal(before, model.weights)


def test_slots_of_pruned_weights_keep_their_first_value():
    model = masked(lth.wrap(net(layers.Dense, layers.Conv2D), 0.5))
    optimizer = optimizers.Adagrad(0.1, initial_accumulator_value=0.25)
    fit(model, optimizer)
    masks = {id(weight): mask.numpy() for weight, mask in held(model)}
    slots = optimizer._accumulators
    checked = 0
    for weight, slot in zip(model.trainable_variables, slots, strict=True):
        if id(weight) in masks:
            mask = masks[id(weight)]
            assert (slot.numpy()[mask == 0] == 0.25).all()
            assert (slot.numpy()[mask == 1] != 0.25).any()
            checked += 1
    assert checked == 3


def test_a_custom_loop_in_a_function_keeps_weights_sparse():
    model = masked(lth.wrap(net(layers.Dense, layers.Conv2D), 0.5))
    optimizer = optimizers.Adam(0.01, clipnorm=0.1)

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(inputs, training=True) - targets) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )

    for _ in range(3):
        step(INPUTS, TARGETS)
        assert violations(model) == []
    lth.verify(model, optimizer)
