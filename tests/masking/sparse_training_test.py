"""Weights are exactly sparse at every moment of training, whatever trains them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from tests.support.masked_models import arrays, equal, held, masked, violations
from tests.support.masked_training import EQUALS, INPUTS, TARGETS, fit, net

layers = keras.layers
optimizers = keras.optimizers
legacy = keras.optimizers.legacy


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


SLOW = pytest.mark.slow
# Decay, averages, a slot that is not zero at first, an old class.
FAST = ("sgd_weight_decay", "adam_ema", "ftrl", "legacy_ftrl")


@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=SLOW)
        for name in EVERY_OPTIMIZER
    ],
)
def test_no_optimizer_revives_a_pruned_weight_after_any_batch(name):
    watch = watched(EVERY_OPTIMIZER[name]())
    assert watch.batches == 9 and watch.dense == []


@pytest.mark.parametrize(
    "compiling",
    [
        pytest.param({"jit_compile": True}, marks=SLOW),
        {"run_eagerly": True},
        pytest.param({"steps_per_execution": 3}, marks=SLOW),
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
        pytest.param("mixed_float16", True, marks=SLOW),
        pytest.param("mixed_bfloat16", False, marks=SLOW),
        pytest.param("bfloat16", False, marks=SLOW),
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
        pytest.param("float32", keras.constraints.MaxNorm(0.5), False, marks=SLOW),
        ("float32", centred, False),
        pytest.param("float32", centred, True, marks=SLOW),
        pytest.param("mixed_float16", centred, False, marks=SLOW),
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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("position", "every"),
    [
        ("first", 2),
        pytest.param("last", 2, marks=SLOW),
        pytest.param("first", "epoch", marks=SLOW),
        pytest.param("last", "epoch", marks=SLOW),
    ],
)
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


@pytest.mark.slow
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
