"""Capture, prune and rewind in plain fit loops, and the callbacks of the search."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import TF_KERAS, keras
from lth_keras.errors import LotteryError
from lth_keras.masking import weights
from lth_keras.training import steps
from lth_keras.training.evaluating import Evaluates
from lth_keras.training.evaluation import Evaluator
from tests.support import small_search as small

layers = keras.layers
X, Y = small.data()  # 5 batches of 10, the last one of 5


def fit(model, *given, epochs: int = 2, **arguments):
    return model.fit(
        X,
        Y,
        batch_size=small.BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(given),
        **arguments,
    )


class Beginnings(keras.callbacks.Callback):
    """Keeps the weights that the first batch of each fit begins with."""

    def __init__(self):
        super().__init__()
        self.weights = []
        self.rates = []

    def on_train_batch_begin(self, batch, logs=None):
        if len(self.weights) < self.fits:
            self.weights.append(small.values(self.model))
            self.rates.append(float(self.model.optimizer.learning_rate))

    def on_train_begin(self, logs=None):
        self.fits = len(self.weights) + 1


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C at the fourth batch, once."""

    armed = True

    def on_train_batch_end(self, batch, logs=None):
        if self.armed and batch == 3:
            self.armed = False
            raise KeyboardInterrupt


def test_a_plain_loop_prunes_and_rewinds_as_each_level_begins() -> None:
    """Against masks from a sort; a fit returns with its own trained weights."""
    model = small.compiled()
    theta = small.values(model)
    masks = [np.ones(w.shape, bool) for w in weights.weights_of(model)]
    capture, rewind, seen = (
        lth.CaptureInitialWeights(),
        lth.PruneAndRewind(),
        Beginnings(),
    )
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=100.0)
    for level in range(3):
        fit(model, capture, rewind, seen, plateau)
        assert rewind.level == level
        expected = [small.masked(w, m) for w, m in zip(theta, masks, strict=True)]
        assert small.same_bits(seen.weights[level], expected)
        assert seen.rates[level] == pytest.approx(0.1)
        lth.verify(model)
        trained = small.values(model)
        assert not np.array_equal(trained[0], expected[0])
        masks = [
            small.pruned_by_hand(v, m, 0.3) if w.mask is not None else m
            for v, m, w in zip(trained, masks, weights.weights_of(model), strict=True)
        ]
    assert model.train_function.experimental_get_tracing_count() <= 2


@pytest.mark.slow
def test_an_interrupted_fit_is_followed_by_a_rewind_without_a_round() -> None:
    model = small.compiled()
    theta = small.values(model)
    capture, rewind = lth.CaptureInitialWeights(), lth.PruneAndRewind()
    fit(model, capture, rewind)
    interrupt, seen = Interrupt(), Beginnings()
    with pytest.raises(KeyboardInterrupt):
        fit(model, capture, rewind, interrupt)
    assert rewind.level == 1
    fit(model, capture, rewind, interrupt, seen)
    assert rewind.level == 1
    expected = [
        small.masked(w, m) for w, m in zip(theta, small.masks(model), strict=True)
    ]
    assert small.same_bits(seen.weights[0], expected)
    fit(model, capture, rewind)
    assert rewind.level == 2


def test_theta_k_is_captured_in_the_middle_of_the_first_fit() -> None:
    model = small.compiled()
    theta_7 = []

    class AtSeven(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == 7 and not theta_7:
                theta_7.extend(small.values(self.model))

    capture, rewind = lth.CaptureInitialWeights("7it"), lth.PruneAndRewind()
    fit(model, capture, rewind, AtSeven())
    assert small.same_bits(capture.start.weights, theta_7)
    seen = Beginnings()
    fit(model, capture, rewind, seen)
    expected = [
        small.masked(w, m) for w, m in zip(theta_7, small.masks(model), strict=True)
    ]
    assert small.same_bits(seen.weights[0], expected)


def test_epochs_are_counted_in_the_iterations_of_the_fit() -> None:
    model = small.compiled()
    capture = lth.CaptureInitialWeights("1ep")
    fit(model, capture)
    assert capture.start.step == 5
    assert int(model.optimizer.iterations) == 10


@pytest.mark.slow
def test_a_point_that_steps_per_execution_passes_over_is_refused() -> None:
    model = small.compiled(steps_per_execution=2)
    with pytest.raises(LotteryError, match="passes over iteration 3"):
        fit(model, lth.CaptureInitialWeights("3it"))


@pytest.mark.slow
def test_a_loop_without_a_capture_says_what_is_missing() -> None:
    model = small.compiled()
    rewind = lth.PruneAndRewind()
    fit(model, rewind, epochs=1)
    with pytest.raises(LotteryError, match="CaptureInitialWeights"):
        fit(model, rewind, epochs=1)


def test_an_unwrapped_model_is_refused_in_the_first_fit() -> None:
    model = small.dense_model()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(LotteryError, match="lth.wrap"):
        fit(model, lth.CaptureInitialWeights(), lth.PruneAndRewind())


def test_an_unbuilt_model_says_how_to_build_it() -> None:
    model = lth.wrap(keras.Sequential([layers.Dense(3)]))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(LotteryError, match="model.build"):
        fit(model, lth.CaptureInitialWeights(), lth.PruneAndRewind())


@pytest.mark.slow
def test_dropout_repeats_from_the_seed_and_the_level() -> None:
    def trained(seed: int) -> list[np.ndarray]:
        model = small.compiled(small.dense_model(dropout=0.5))
        capture, rewind = lth.CaptureInitialWeights(), lth.PruneAndRewind(seed)
        for _ in range(2):
            fit(model, capture, rewind, epochs=1)
        return small.values(model)

    first = trained(1)
    assert small.same_bits(trained(1), first)
    assert not small.same_bits(trained(2), first)


@pytest.mark.slow
def test_early_stopping_and_other_callbacks_of_keras_work_at_every_level(
    tmp_path,
) -> None:
    model = small.compiled()
    users = [
        keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}"), "loss"),
        keras.callbacks.BackupAndRestore(str(tmp_path / "backup")),
        keras.callbacks.TensorBoard(str(tmp_path / "logs")),
    ]
    capture, rewind = lth.CaptureInitialWeights(), lth.PruneAndRewind()
    for level in range(3):
        fit(model, capture, rewind, *users)
        assert rewind.level == level
        lth.verify(model)


class Count(steps.StepCallback):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.seen = []

    def on_step(self, logs):
        self.seen.append(self.step)


@pytest.mark.parametrize(
    ("stride", "seen"), [(1, list(range(1, 11))), (2, [2, 4, 5, 7, 9, 10])]
)
def test_steps_are_counted_whatever_steps_per_execution_is(stride, seen) -> None:
    model = small.compiled(steps_per_execution=stride)
    count = Count()
    fit(model, count)
    assert count.seen == seen


def test_a_fit_begins_in_the_middle_of_an_epoch() -> None:
    model = small.compiled()
    count, epochs = Count(8, 3), []
    schedule = keras.callbacks.LearningRateScheduler(
        lambda epoch, rate: epochs.append(epoch) or rate
    )
    dataset = tf.data.Dataset.from_tensors((X, Y)).repeat()
    model.fit(
        dataset,
        steps_per_epoch=5,
        initial_epoch=1,
        epochs=3,
        verbose=0,
        callbacks=[count, schedule, TF_KERAS.start_at(1, 3, 5)[1]],
    )
    assert count.seen == [9, 10, 11, 12, 13, 14, 15]
    assert epochs == [1, 2]


def test_a_loss_that_turns_nan_stops_with_its_iteration() -> None:
    model = small.compiled(keras.Sequential([layers.Dense(3, input_shape=(6,))]))
    x = X.copy()
    x[25] = math.nan
    with pytest.raises(lth.DivergedError, match="NaN at iteration 3"):
        model.fit(
            x, Y, batch_size=10, shuffle=False, verbose=0,
            callbacks=[steps.StopOnNaN()],
        )  # fmt: skip


def evaluate(model, every=None, monitor="val_loss", **arguments):
    data = {"val": Evaluator(model, (X, Y)), "test": Evaluator(model, (X[:7], Y[:7]))}
    return TF_KERAS.callback(Evaluates)(data, every, monitor=monitor, **arguments)


@pytest.mark.slow
def test_the_curve_has_the_cadence_asked_for_and_each_epochs_end() -> None:
    model = small.compiled()
    curve = evaluate(model, 4)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(logs["val_loss"])
    )
    history = fit(model, curve, watch)
    assert curve.curve["iteration"] == [4, 5, 8, 10]
    assert {len(column) for column in curve.curve.values()} == {4}
    assert set(curve.curve) == {
        "iteration", "val_loss", "val_accuracy", "test_loss", "test_accuracy"
    }  # fmt: skip
    assert seen == [curve.curve["val_loss"][1], curve.curve["val_loss"][3]]
    assert history.history["val_loss"] == seen
    final = curve.finish(again=False)
    expected = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert final["val_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert curve.finish(again=True) == final


@pytest.mark.slow
def test_evaluation_does_not_change_what_is_trained() -> None:
    one, two = small.compiled(), small.compiled()
    first = fit(one, evaluate(one, 1)).history["loss"]
    assert first == fit(two).history["loss"]
    assert small.same_bits(small.values(one), small.values(two))


def test_a_monitor_that_is_not_computed_is_refused_with_the_names_there_are() -> None:
    model = small.compiled()
    with pytest.raises(LotteryError, match="val_f1.*val_loss, val_accuracy"):
        fit(model, evaluate(model, 2, monitor="val_f1"))
