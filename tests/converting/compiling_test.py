"""compile_like: a step of either Keras comes to the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras, keras3
from lth_keras.converting.compiling import _each, optimizer_like
from tests.support.keras3_models import chain

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = np.random.default_rng(0).integers(0, 3, 32)


def compiled(optimizer: Any, **more: Any) -> Any:
    keras3().utils.set_random_seed(0)
    kl = keras3().layers
    source = chain((4,), kl.Dense(6, "tanh", kernel_regularizer="l2"), kl.Dense(3))
    loss = keras3().losses.SparseCategoricalCrossentropy(from_logits=True)
    source.compile(optimizer, loss, **more)
    return source


@pytest.mark.slow
def test_a_schedule_a_loss_and_metrics_come_along() -> None:
    rate = keras3().optimizers.schedules.CosineDecay(0.1, 20, warmup_steps=2)
    source = compiled(
        keras3().optimizers.SGD(rate, momentum=0.9, clipnorm=1.0),
        metrics=["accuracy"],
        steps_per_execution=2,
    )
    made = lth.compile_like(lth.from_keras3(source), source)
    assert isinstance(made.optimizer, keras.optimizers.SGD)
    assert made.optimizer.momentum == 0.9 and made.optimizer.clipnorm == 1.0
    ours, theirs = (
        m.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        for m in (source, made)
    )
    assert sorted(ours) == sorted(theirs) == ["accuracy", "loss"]
    np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=1e-5)
    for a, b in zip(source.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Adadelta", {}),
        ("Adafactor", {}),
        ("Adagrad", {}),
        ("Adam", {"amsgrad": True}),
        ("AdamW", {"weight_decay": 0.01}),
        ("Adamax", {}),
        ("Ftrl", {}),
        ("Lion", {}),
        ("RMSprop", {"momentum": 0.5}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_an_optimizer_trains_as_it_did(kind: str, more: dict[str, Any]) -> None:
    source = compiled(getattr(keras3().optimizers, kind)(0.01, **more))
    made = lth.compile_like(lth.from_keras3(source), source)
    for model in (source, made):
        model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(source.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.slow
def test_losses_and_metrics_of_several_outputs_keep_their_names() -> None:
    k3 = keras3()
    x = k3.Input((4,))
    kl = k3.layers
    source = k3.Model(x, {"a": kl.Dense(3, name="a")(x), "b": kl.Dense(1, name="b")(x)})
    source.compile(
        "adam",
        loss={"a": k3.losses.CategoricalCrossentropy(True), "b": "mse"},
        loss_weights={"a": 1.0, "b": 0.25},
        metrics={"b": [k3.metrics.MeanAbsoluteError(name="off"), "mse"]},
    )
    made = lth.compile_like(lth.from_keras3(source), source)
    y = {"a": np.eye(3, dtype="float32")[Y], "b": X[:, :1]}
    ours, theirs = (
        m.evaluate(X, y, verbose=0, return_dict=True) for m in (source, made)
    )
    assert theirs["b_off"] == pytest.approx(ours["b_off"], rel=1e-5)
    assert theirs["loss"] == pytest.approx(ours["loss"], rel=1e-5)


def test_a_scaled_loss_keeps_its_scale() -> None:
    inner = keras3().optimizers.Adam(0.5)
    scaled = keras3().optimizers.LossScaleOptimizer(inner, initial_scale=64.0)
    made = optimizer_like(scaled)
    assert isinstance(made, keras.mixed_precision.LossScaleOptimizer)
    assert float(made.initial_scale) == 64.0
    assert float(made.inner_optimizer.learning_rate) == 0.5


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("Adam", {"gradient_accumulation_steps": 4}, "batches of that many times"),
        ("SGD", {"loss_scale_factor": 2.0}, "loss_weights"),
        ("Lamb", {}, "optimizer Lamb is not in tf_keras"),
    ],
)
def test_an_optimizer_of_keras_3_alone_is_refused(
    kind: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(lth.LotteryError, match=words):
        optimizer_like(getattr(keras3().optimizers, kind)(0.1, **more))


def test_what_is_not_compiled_is_refused() -> None:
    source = chain((4,), keras3().layers.Dense(2))
    made = lth.from_keras3(source)
    with pytest.raises(lth.LotteryError, match="is not compiled"):
        lth.compile_like(made, source)
    source.compile("sgd", lambda y_true, y_pred: y_pred)
    with pytest.raises(lth.LotteryError, match="losses: .* is not in tf_keras"):
        lth.compile_like(made, source)


def test_names_of_classes_that_keras_3_alone_knows_are_made() -> None:
    (made,) = _each(["auc"], "metrics")
    assert isinstance(made, keras.metrics.AUC)
    with pytest.raises(lth.LotteryError, match="'nothing' is not in tf_keras"):
        _each("nothing", "metrics")
