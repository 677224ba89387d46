"""The whole search against a loop written by hand, and its rewinding and refusals."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.runs import trained
from lth_keras.storage import files
from lth_keras.training import batches
from tests.support import small_search as small
from tests.support.small_search import TEST, VALIDATION, Record, X, Y, fit, search

layers = keras.layers


class Counting(layers.Layer):
    """Counts how often Python runs it with training=True."""

    calls = 0

    def call(self, inputs, training=None):
        if training:
            type(self).calls += 1
        return inputs


@pytest.mark.parametrize("rewind", [pytest.param("0it", marks=pytest.mark.slow), "7it"])
def test_one_trace_serves_all_levels_and_controls(rewind: str, tmp_path) -> None:
    plain = keras.Sequential(
        [layers.Dense(4, input_shape=(6,)), Counting(), layers.Dense(3)]
    )
    model = small.compiled(plain)
    Counting.calls = 0
    one = search(model, tmp_path, 2, rewind_to=rewind)
    fit(one, validation_data=VALIDATION, evaluate_every=2)
    lth.controls.run(one, "random_reinit")
    assert Counting.calls == 1
    assert model.train_function.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_the_users_callbacks_work_at_every_level(tmp_path) -> None:
    """They begin each level as new, see val_loss, and bring no old weights back."""
    record, rates = Record(), []
    best = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best"), "val_loss", save_best_only=True, save_weights_only=True
    )
    users = [
        record,
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=0, min_delta=9.0),
        keras.callbacks.EarlyStopping(
            "val_loss", patience=2, min_delta=9.0, restore_best_weights=True
        ),
        best,
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: rates.append((epoch, best.best))
        ),
        keras.callbacks.TensorBoard(str(tmp_path / "logs")),
        keras.callbacks.CSVLogger(tmp_path / "log.csv", append=True),
        keras.callbacks.BackupAndRestore(str(tmp_path / "backup")),
    ]
    model = small.compiled()
    one = search(model, tmp_path / "run")
    history = fit(one, 5, validation_data=VALIDATION, test_data=TEST, callbacks=users)
    assert record.steps == [15, 15, 15], "patience ends each level in its 3rd epoch"
    assert [b[1:3] for b in record.began] == [(0, pytest.approx(0.1))] * 3
    for curve, row, level in zip(
        history.curves, history.results, range(3), strict=True
    ):
        assert curve["iteration"] == [5, 10, 15]
        # best.best is of this level alone.
        assert rates[3 * level + 2][1] == min(curve["val_loss"])
        assert row["iterations"] == 15
    # EarlyStopping restored the best weights: the result is theirs.
    expected = model.evaluate(*TEST, verbose=0, return_dict=True)
    assert row["test_accuracy"] == pytest.approx(expected["accuracy"])
    header, *logged = (tmp_path / "log.csv").read_text().splitlines()
    assert header.startswith("epoch,accuracy,loss")
    assert "val_loss" in header
    assert len(logged) == 9


@pytest.mark.slow
def test_a_backup_of_a_killed_run_is_not_brought_back(tmp_path) -> None:
    """The level begins as without it, although Keras would restore the backup."""
    backup = keras.callbacks.BackupAndRestore(
        str(tmp_path / "backup"), delete_checkpoint=False
    )
    other = small.compiled(small.dense_model(seed=8))
    other.fit(X, Y, batch_size=10, epochs=1, verbose=0, callbacks=[backup])
    assert any((tmp_path / "backup").iterdir())
    record = Record()
    one = search(small.compiled(), tmp_path / "run")
    fit(one, callbacks=[backup, record])
    two = search(small.compiled(), tmp_path / "plain")
    fit(two)
    assert record.steps == [10, 10, 10]
    assert small.fingerprints(tmp_path / "run") == small.fingerprints(
        tmp_path / "plain"
    )


@pytest.mark.slow
def test_callbacks_may_be_a_function_of_the_level(tmp_path) -> None:
    levels = []
    one = search(small.kept(), tmp_path)
    fit(one, callbacks=lambda level: [levels.append(level) or Record()])
    assert levels == [0, 1, 2]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_search_and_another_does_not(tmp_path) -> None:
    for name, seed, make in [
        ("a", 1, small.kept),
        ("b", 1, lambda dropout: small.compiled(small.dense_model(dropout=dropout))),
        ("c", 2, small.kept),
    ]:
        one = lth.LotterySearch(make(dropout=0.4), 1, str(tmp_path / name), seed=seed)
        fit(one, validation_data=VALIDATION)
    a, b, c = (tmp_path / name for name in "abc")
    assert small.fingerprints(a) == small.fingerprints(b)
    assert small.lines(a) == small.lines(b)
    assert small.fingerprints(a) != small.fingerprints(c)


def test_a_finished_search_is_read_and_the_model_holds_its_last_level(tmp_path) -> None:
    model = small.kept()
    one = search(model, tmp_path, 1)
    history = fit(one, validation_data=VALIDATION)
    trained = small.values(model)
    again = small.compiled()
    assert fit(search(again, tmp_path, 1), validation_data=VALIDATION) == history
    assert small.same_bits(small.values(again), trained)
    lth.verify(again)
    read = lth.LotterySearch.load(str(tmp_path))
    assert (read.levels, read.finished_levels, read.seed) == (1, [0, 1], 3)
    assert read.results == history.results
    assert read.results == files.read_jsonl(tmp_path / "results.jsonl")
    assert read.ticket(1).parent == read.ticket(0).fingerprint
    assert read.ticket(0).parent is None
    assert (read.ticket(1).level, read.ticket(1).seed) == (1, 3)
    with pytest.raises(LotteryError, match=r"level 2 has no ticket.*\[0, 1\]"):
        read.ticket(2)
    with pytest.raises(LotteryError, match="loaded to be read"):
        read.fit(X, Y)


def test_a_level_can_be_restored(tmp_path) -> None:
    model = small.kept()
    one = search(model, tmp_path)
    fit(one)
    one.restore(1)
    stored = trained.read(one.directory.level(1))
    assert small.same_bits(small.values(model), stored.values())
    lth.verify(model)
    with pytest.raises(LotteryError, match=r"finished levels are \[0, 1, 2\]"):
        one.restore(5)


@pytest.mark.slow
def test_a_search_that_diverged_keeps_its_levels_and_goes_on(tmp_path) -> None:
    bad = {"on": True}

    def x(level: int, seed: int) -> tf.data.Dataset:
        features = X.copy()
        if level == 1 and bad["on"]:
            features[13] = math.nan
        return tf.data.Dataset.from_tensor_slices((features, Y)).batch(10)

    plain = keras.Sequential([layers.Dense(3, input_shape=(6,))])
    theta = plain.get_weights()
    one = search(small.compiled(plain), tmp_path)
    with pytest.raises(lth.DivergedError, match="level 1.*NaN at iteration 2") as error:
        one.fit(x, epochs=2, verbose=0)
    assert "\n" not in str(error.value)
    assert one.finished_levels == [0]
    bad["on"] = False
    one.fit(x, epochs=2, verbose=0)
    assert one.finished_levels == [0, 1, 2]
    plain.set_weights(theta)
    two = search(small.compiled(plain), tmp_path / "other")
    two.fit(x, epochs=2, verbose=0)
    assert small.lines(tmp_path) == small.lines(tmp_path / "other")


@pytest.mark.slow
def test_weights_that_turn_nan_unseen_by_the_loss_are_divergence_too(tmp_path) -> None:
    """On a CPU relu(NaN) can be 0, so that the loss stays finite."""
    x = X.copy()
    x[13] = math.nan
    plain = keras.Sequential(
        [layers.Dense(4, "relu", input_shape=(6,)), layers.Dense(3)]
    )
    one = search(small.compiled(plain), tmp_path)
    with pytest.raises(lth.DivergedError, match="level 0.*NaN"):
        one.fit(x, Y, batch_size=10, verbose=0)
    assert one.finished_levels == []


def test_no_levels_is_the_dense_network_alone(tmp_path) -> None:
    one = search(small.kept(), tmp_path, 0)
    assert [row["density"] for row in fit(one).results] == [1.0]


def test_a_target_density_ends_at_the_first_level_below_it(tmp_path) -> None:
    """Survivors of 48 and 24 at .3: 34 + 17 = 51 of 72, 24 + 12 = 36 of 72."""
    model = small.kept()
    one = lth.LotterySearch(model, directory=str(tmp_path), target_density=0.51)
    assert one.levels == 2
    history = fit(one, 1)
    assert [row["density"] for row in history.results] == [1.0, 51 / 72, 0.5]


@pytest.mark.slow
def test_the_monitor_may_be_an_accuracy(tmp_path) -> None:
    one = search(small.kept(), tmp_path, 0, monitor="val_accuracy")
    history = fit(one, 4, validation_data=VALIDATION)
    accuracies = history.curves[0]["val_accuracy"]
    best = accuracies.index(max(accuracies))
    assert history.results[0]["early_stop_iteration"] == 5 * (best + 1)


@pytest.mark.slow
def test_keras_validates_by_itself_where_it_is_told_how(tmp_path) -> None:
    one = search(small.compiled(), tmp_path, 1)
    history = fit(
        one, 3, validation_data=VALIDATION, validation_freq=2, validation_batch_size=7
    )
    curve = history.curves[1]
    assert curve["iteration"] == [10, 15]
    assert curve["val_loss"][1] is None
    assert history.results[1]["early_stop_iteration"] == 10


@pytest.mark.slow
@pytest.mark.parametrize("classes", [None, {0: 1.0, 1: 2.0, 2: 0.5}])
def test_class_and_sample_weights_and_a_split_reach_fit(classes, tmp_path) -> None:
    """Against model.fit on the same batches; Keras cannot do both at once."""
    weight = None if classes else np.linspace(0.5, 2.0, 45).astype(np.float32)
    arrays = (X, Y) if classes else (X, Y, weight)
    model = small.compiled()
    plain = small.dense_model()
    plain.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    stream = batches.batches(tuple(a[:36] for a in arrays), 10, seed=3)
    plain.fit(stream, steps_per_epoch=4, epochs=2, class_weight=classes, verbose=0)
    one = search(model, tmp_path, 0)
    history = fit(one, sample_weight=weight, class_weight=classes, validation_split=0.2)
    assert small.same_bits(small.values(model), plain.get_weights())
    held = None if weight is None else weight[36:]
    expected = plain.evaluate(
        X[36:], Y[36:], sample_weight=held, verbose=0, return_dict=True
    )
    assert history.curves[0]["val_loss"][-1] == pytest.approx(
        expected["loss"], rel=1e-5
    )


@pytest.mark.slow
def test_moving_averages_of_weights_are_evaluated_as_they_are_stored(tmp_path) -> None:
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    model = small.compiled(optimizer=optimizer)
    history = fit(search(model, tmp_path, 2), test_data=TEST)
    lth.verify(model)
    expected = model.evaluate(*TEST, verbose=0, return_dict=True)["accuracy"]
    assert history.results[2]["test_accuracy"] == pytest.approx(expected)


@pytest.mark.slow
def test_global_scope_and_a_criterion_of_theta_0_resume_alike(tmp_path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"

    def on_result(row) -> None:
        if row["level"] == 1 and not stopped.exists():
            shutil.copytree(whole, stopped)

    for folder in (whole, stopped):
        model = small.compiled(scope="global", criterion="movement")
        fit(search(model, folder, on_result=on_result))
    assert small.lines(whole) == small.lines(stopped)
    assert small.fingerprints(whole) == small.fingerprints(stopped)
    densities = [row["density"] for row in small.lines(whole)]
    assert densities == [1.0, 50 / 72, 35 / 72]


def test_an_unbuilt_model_is_built_from_its_data(tmp_path) -> None:
    model = small.compiled(keras.Sequential([layers.Dense(4), layers.Dense(3)]))
    history = fit(search(model, tmp_path, 1), 1)
    assert history.results[1]["density"] == (17 + 8) / 36


@pytest.mark.slow
def test_layers_added_after_the_search_was_made_are_searched_too(tmp_path) -> None:
    model = keras.Sequential([layers.Dense(8, input_shape=(6,))])
    wrapped = lth.wrap(model, 0.3)
    one = search(wrapped, tmp_path, 1)
    wrapped.add(layers.Dense(3))
    wrapped.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(one, 1)
    names = [weight.name for weight in one.ticket(1).weights]
    assert names == ["kernel", "bias"] * 2
