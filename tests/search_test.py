"""The whole search against a loop written by hand, and its rewinding and refusals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import small_search as small
import tensorflow as tf

import lth_keras as lth
from lth_keras import batches, directories, files, weights
from lth_keras.compat import LotteryError, keras

layers = keras.layers
X, Y = small.data()  # 5 batches of 10, the last one of 5
VALIDATION, TEST = small.data(30, 1), small.data(30, 2)
STEPS = 5


def search(model, directory, levels: int = 2, **arguments) -> lth.LotterySearch:
    return lth.LotterySearch(model, levels, str(directory), seed=3, **arguments)


def fit(one: lth.LotterySearch, epochs: int = 2, **arguments) -> lth.SearchHistory:
    given = {"batch_size": small.BATCH, "verbose": 0, **arguments}
    return one.fit(X, Y, epochs=epochs, **given)


def by_hand(theta: list[np.ndarray], level_masks, rewind: int, level: int, model):
    """One level of a plain model whose weights are masked after each step.

    Args:
        theta: the weights to start from.
        level_masks: a mask per weight, None for those that are not pruned.
        model: a plain model; its optimizer is compiled anew.

    Returns:
        The trained weights, the curve [(iteration, val, test), ...], theta_k.
    """

    def mask() -> None:
        for variable, m in zip(model.weights, level_masks, strict=True):
            if m is not None:
                variable.assign(small.masked(variable.numpy(), m))

    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.set_weights(theta)
    mask()
    start = rewind if level else 0
    stream = batches.batches((X, Y), small.BATCH, seed=3, level=level)
    curve, captured = [], None
    for done in range(start + 1, 2 * STEPS + 1):
        model.fit(stream.skip(done - 1), steps_per_epoch=1, verbose=0)
        mask()
        if done == rewind:
            captured = model.get_weights()
        if done % 3 == 0 or done % STEPS == 0:
            found = [
                model.evaluate(*data, verbose=0, return_dict=True)
                for data in (VALIDATION, TEST)
            ]
            curve.append((done, *found))
    return model.get_weights(), curve, captured


@pytest.mark.parametrize("rewind", [pytest.param(0, marks=pytest.mark.slow), 7])
def test_a_search_is_what_a_hand_written_loop_does(rewind: int, tmp_path) -> None:
    """Masks and trained weights to the bit, the curve to float rounding."""
    model = small.compiled(optimizer=keras.optimizers.SGD(0.1))
    plain = small.dense_model()
    theta = plain.get_weights()
    one = search(model, tmp_path, 2, rewind_to=f"{rewind}it")
    history = fit(one, validation_data=VALIDATION, test_data=TEST, evaluate_every=3)
    prunable = [w.mask is not None for w in weights.weights_of(model)]
    masks = [np.ones(v.shape, bool) if p else None for v, p in zip(theta, prunable)]  # noqa: B905
    for level in range(3):
        ticket = one.ticket(level)
        assert small.same_bits([m for _, m in ticket.pruned()], [
            m for m in masks if m is not None
        ])  # fmt: skip
        assert small.same_bits(
            [w.value for w in ticket.weights],
            [v if m is None else small.masked(v, m) for v, m in zip(theta, masks)],  # noqa: B905
        )
        trained, curve, captured = by_hand(theta, masks, rewind, level, plain)
        stored = lth.arrays.read_arrays(one.directory.level(level).trained_weights)
        assert small.same_bits(stored.values(), trained)
        found = history.curves[level]
        assert found["iteration"] == [row[0] for row in curve]
        for name, index in (("val", 1), ("test", 2)):
            for metric in ("loss", "accuracy"):
                assert found[f"{name}_{metric}"] == pytest.approx(
                    [row[index][metric] for row in curve], rel=1e-5
                )
        row, losses = history.results[level], found["val_loss"]
        best = losses.index(min(losses))
        assert row["early_stop_iteration"] == curve[best][0]
        assert row["early_stop_test_accuracy"] == found["test_accuracy"][best]
        assert row["test_accuracy"] == found["test_accuracy"][-1]
        assert row["validation_loss"] == losses[best]
        assert (row["level"], row["control"], row["iterations"]) == (
            level, "ticket", 10
        )  # fmt: skip
        if captured:
            theta = captured
        masks = [
            m if m is None else small.pruned_by_hand(v, m, 0.3)
            for v, m in zip(trained, masks, strict=True)
        ]
    assert small.same_bits(small.values(model), trained)
    lth.verify(model)


class Record(keras.callbacks.Callback):
    """What each level began with: weights, step count, rate, epochs, batches."""

    def __init__(self):
        super().__init__()
        self.began, self.steps, self.epochs = [], [], []

    def on_train_begin(self, logs=None):
        self.epochs.append([])
        self.steps.append(0)
        self.fresh = True

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs[-1].append(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        if self.fresh:
            optimizer = self.model.optimizer
            self.began.append(
                (
                    small.values(self.model),
                    int(optimizer.iterations),
                    float(keras.backend.get_value(optimizer.learning_rate)),
                    [
                        small.bits(v.numpy())
                        for v in optimizer.variables
                        if v.shape.rank
                    ],
                )
            )
        self.fresh = False

    def on_train_batch_end(self, batch, logs=None):
        self.steps[-1] += 1
        self.rate = float(keras.backend.get_value(self.model.optimizer.learning_rate))


@pytest.mark.parametrize(
    ("rewind", "step", "epochs"),
    [
        ("7it", 7, [1, 2]),
        pytest.param("1ep", 5, [1, 2], marks=pytest.mark.slow),
        pytest.param(0, 0, [0, 1, 2], marks=pytest.mark.slow),
    ],
)
def test_later_levels_train_the_remaining_steps_from_theta_k(
    rewind, step: int, epochs, tmp_path
) -> None:
    seen = []
    features = X.copy()
    features[:, 5] = np.arange(45)  # names each example in what the model sees
    dataset = batches.batches((features, Y), 10, seed=3, level=1)
    expected = [
        list(x[:, 5].astype(int)) for x, _ in dataset.take(15).as_numpy_iterator()
    ]

    def x(level: int, seed: int) -> tf.data.Dataset:
        def note(level_, examples):
            seen.append((int(level_), list(examples.numpy().astype(int))))
            return examples

        def record(batch, labels):
            kept = tf.py_function(note, [level, batch[:, 5]], tf.float32)
            with tf.control_dependencies([kept]):
                return tf.identity(batch), labels

        stream = batches.batches((features, Y), 10, seed=seed, level=level)
        return stream.map(record)

    record = Record()
    model = small.compiled(optimizer=keras.optimizers.Adam(0.01))
    one = search(model, tmp_path, 2, rewind_to=rewind)
    one.fit(x, steps_per_epoch=STEPS, epochs=3, verbose=0, callbacks=[record])
    assert record.steps == [15, 15 - step, 15 - step]
    assert record.epochs == [[0, 1, 2], epochs, epochs]
    # The pipeline makes some batches ahead of the last step, and skips the first.
    ours = [examples for level, examples in seen if level == 1]
    assert ours[step : step + 15 - step] == expected[step:]
    rewound = lth.Ticket.load(one.directory.level(0).rewind) if step else one.ticket(0)
    for level in (1, 2):
        begun, iterations, rate, slots = record.began[level]
        assert small.same_bits(begun, [
            v.value if m is None else small.masked(v.value, m.mask)
            for v, m in zip(
                rewound.weights,
                [w if w.mask is not None else None for w in one.ticket(level).weights],
                strict=True,
            )
        ])  # fmt: skip
        assert iterations == step
        assert rate == pytest.approx(0.01)
        if step == 0:
            assert slots == record.began[0][3]
    assert [row["iterations"] for row in one.results] == [15, 15, 15]


def test_fresh_optimizer_state_keeps_only_the_step_count(tmp_path) -> None:
    record = Record()
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([8], [0.01, 0.001])
    model = small.compiled(optimizer=keras.optimizers.Adam(schedule))
    one = search(model, tmp_path, 1, rewind_to="7it", optimizer_state="fresh")
    fit(one, callbacks=[record])
    _, iterations, _, slots = record.began[1]
    assert iterations == 7
    assert slots == record.began[0][3]
    assert record.steps == [10, 3]
    assert record.rate == pytest.approx(0.001), "of iteration 9, not of 2"


def test_steps_per_execution_gives_the_same_levels(tmp_path) -> None:
    """Rewound into the middle of an epoch whose last execution is a shorter one."""
    one = search(small.compiled(), tmp_path / "one", 1, rewind_to="7it")
    fit(one)
    several = small.compiled(steps_per_execution=2)
    two = search(several, tmp_path / "two", 1, rewind_to="7it")
    fit(two)
    assert small.fingerprints(tmp_path / "one") == small.fingerprints(tmp_path / "two")
    ends = [s.directory.level(1).trained_weights for s in (one, two)]
    first, second = (lth.arrays.read_arrays(end).values() for end in ends)
    assert small.same_bits(first, second)


class Counting(layers.Layer):
    """Counts how often Python runs it with training=True."""

    calls = 0

    def call(self, inputs, training=None):
        if training:
            type(self).calls += 1
        return inputs


@pytest.mark.parametrize("rewind", ["0it", "7it"])
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


def test_callbacks_may_be_a_function_of_the_level(tmp_path) -> None:
    levels = []
    one = search(small.compiled(), tmp_path)
    fit(one, callbacks=lambda level: [levels.append(level) or Record()])
    assert levels == [0, 1, 2]


def test_the_same_seed_gives_the_same_search_and_another_does_not(tmp_path) -> None:
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        model = small.compiled(small.dense_model(dropout=0.4))
        one = lth.LotterySearch(model, 1, str(tmp_path / name), seed=seed)
        fit(one, validation_data=VALIDATION)
    a, b, c = (tmp_path / name for name in "abc")
    assert small.fingerprints(a) == small.fingerprints(b)
    assert small.lines(a) == small.lines(b)
    assert small.fingerprints(a) != small.fingerprints(c)


def test_a_finished_search_is_read_and_the_model_holds_its_last_level(tmp_path) -> None:
    model = small.compiled()
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
    model = small.compiled()
    one = search(model, tmp_path)
    fit(one)
    one.restore(1)
    stored = lth.arrays.read_arrays(one.directory.level(1).trained_weights)
    assert small.same_bits(small.values(model), stored.values())
    lth.verify(model)
    with pytest.raises(LotteryError, match=r"finished levels are \[0, 1, 2\]"):
        one.restore(5)


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


def test_other_settings_in_the_same_directory_are_refused_by_name(tmp_path) -> None:
    fit(search(small.compiled(), tmp_path, 1), validation_data=VALIDATION)
    other = small.compiled(optimizer=keras.optimizers.SGD(0.2, momentum=0.9), rate=0.25)
    with pytest.raises(LotteryError) as error:
        fit(search(other, tmp_path, 3), 4, batch_size=9, validation_data=TEST)
    said = str(error.value)
    for name in ("levels", "epochs", "batch_size", "rates", "optimizer", "validation"):
        assert name in said
    assert "levels (stored 1, given 3)" in said
    for name in ("seed", "scope", "loss", "jit_compile", "architecture"):
        assert f"{name} (" not in said
    assert small.fingerprints(tmp_path) == small.fingerprints(tmp_path)


def test_a_search_begins_dense(tmp_path) -> None:
    model = small.compiled()
    fit(search(model, tmp_path / "one"))
    with pytest.raises(LotteryError, match="wrap the model anew"):
        fit(search(model, tmp_path / "two"))


def test_no_levels_is_the_dense_network_alone(tmp_path) -> None:
    one = search(small.compiled(), tmp_path, 0)
    assert [row["density"] for row in fit(one).results] == [1.0]


def test_a_target_density_ends_at_the_first_level_below_it(tmp_path) -> None:
    """Survivors of 48 and 24 at .3: 34 + 17 = 51 of 72, 24 + 12 = 36 of 72."""
    model = small.compiled()
    one = lth.LotterySearch(model, directory=str(tmp_path), target_density=0.51)
    assert one.levels == 2
    history = fit(one, 1)
    assert [row["density"] for row in history.results] == [1.0, 51 / 72, 0.5]


def test_the_monitor_may_be_an_accuracy(tmp_path) -> None:
    one = search(small.compiled(), tmp_path, 0, monitor="val_accuracy")
    history = fit(one, 4, validation_data=VALIDATION)
    accuracies = history.curves[0]["val_accuracy"]
    best = accuracies.index(max(accuracies))
    assert history.results[0]["early_stop_iteration"] == 5 * (best + 1)


def test_keras_validates_by_itself_where_it_is_told_how(tmp_path) -> None:
    one = search(small.compiled(), tmp_path, 1)
    history = fit(
        one, 3, validation_data=VALIDATION, validation_freq=2, validation_batch_size=7
    )
    curve = history.curves[1]
    assert curve["iteration"] == [10, 15]
    assert curve["val_loss"][1] is None
    assert history.results[1]["early_stop_iteration"] == 10


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


def test_moving_averages_of_weights_are_evaluated_as_they_are_stored(tmp_path) -> None:
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    model = small.compiled(optimizer=optimizer)
    history = fit(search(model, tmp_path, 2), test_data=TEST)
    lth.verify(model)
    expected = model.evaluate(*TEST, verbose=0, return_dict=True)["accuracy"]
    assert history.results[2]["test_accuracy"] == pytest.approx(expected)


def test_global_scope_and_a_criterion_of_theta_0_resume_alike(tmp_path) -> None:
    def run(name: str, stop: int | None) -> None:
        model = small.compiled(scope="global", criterion="movement")
        rows = []

        def on_result(row) -> None:
            rows.append(row)
            if len(rows) == stop:
                raise KeyboardInterrupt

        fit(search(model, tmp_path / name, on_result=on_result))

    run("whole", None)
    with pytest.raises(KeyboardInterrupt):
        run("stopped", 2)
    run("stopped", None)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert small.lines(whole) == small.lines(stopped)
    assert small.fingerprints(whole) == small.fingerprints(stopped)
    densities = [row["density"] for row in small.lines(whole)]
    assert densities == [1.0, 50 / 72, 35 / 72]


def test_data_that_end_early_are_refused(tmp_path) -> None:
    """Keras only warns, and the level would be shorter than the others."""
    batches_of_ten = ((X[:10], Y[:10]) for _ in range(8))
    one = search(small.compiled(), tmp_path, 1)
    with pytest.raises(LotteryError, match="level 1 ended at iteration . of 5"):
        one.fit(batches_of_ten, steps_per_epoch=5, verbose=0)
    assert one.finished_levels == [0]


def test_rewinding_to_a_step_that_training_stopped_before_is_refused(tmp_path) -> None:
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    one = search(small.compiled(), tmp_path, 1, rewind_to="7it")
    with pytest.raises(
        LotteryError, match="stopped at iteration 5, before iteration 7"
    ):
        fit(one, callbacks=[Stop()])
    assert one.finished_levels == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"levels": None}, "give one of the two"),
        ({"levels": 1, "target_density": 0.5}, "give one of the two"),
        ({"levels": -1}, "levels=-1"),
        ({"levels": 2.5}, "levels=2.5"),
        ({"levels": 40}, "levels=40: level 2 would leave"),
        ({"seed": -1}, "seed=-1"),
        ({"optimizer_state": "old"}, "optimizer_state='old'"),
        ({"rewind_to": "5 epochs"}, "rewind_to='5 epochs'"),
        ({"directory": ""}, "directory is missing"),
    ],
)
def test_bad_arguments_are_one_line(arguments, said: str, tmp_path) -> None:
    given = {"levels": 1, "directory": str(tmp_path / "run"), **arguments}
    with pytest.raises(LotteryError, match=said) as error:
        lth.LotterySearch(lth.wrap(small.dense_model(), 0.9), **given)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"evaluate_every": 0}, "evaluate_every=0"),
        ({"epoch": 3}, "does not take epoch"),
        ({"validation_split": 1.5}, "validation_split=1.5"),
        ({"validation_data": (X, Y + 1)}, "validation_data: y has labels from 1 to 3"),
        ({"validation_data": 7}, "validation_data: give"),
        ({"epochs": 1}, "rewind_to='7it' is iteration 7, past the end .* 5 iterations"),
    ],
)
def test_bad_fit_arguments_leave_no_directory(arguments, said: str, tmp_path) -> None:
    one = search(small.compiled(), tmp_path / "run", rewind_to="7it")
    with pytest.raises(LotteryError, match=said):
        fit(one, **{"epochs": 2, **arguments})
    assert not (tmp_path / "run").exists()


def test_steps_per_execution_that_passes_over_a_point_is_refused(tmp_path) -> None:
    model = small.compiled(steps_per_execution=2)
    with pytest.raises(LotteryError, match="rewind_to=3.*steps_per_execution=2"):
        fit(search(model, tmp_path / "run", rewind_to="3it"))
    with pytest.raises(LotteryError, match="evaluate_every=3"):
        fit(search(model, tmp_path / "run"), evaluate_every=3)
    assert not (tmp_path / "run").exists()


def test_an_unknown_monitor_names_those_there_are(tmp_path) -> None:
    one = search(small.compiled(), tmp_path, monitor="val_f1")
    with pytest.raises(LotteryError, match="val_loss, val_accuracy"):
        fit(one, validation_data=VALIDATION)


def test_a_model_that_is_not_wrapped_or_not_compiled_is_refused(tmp_path) -> None:
    with pytest.raises(LotteryError, match="lth.wrap"):
        search(small.dense_model(), tmp_path / "run")
    with pytest.raises(LotteryError, match="model.compile"):
        search(lth.wrap(small.dense_model()), tmp_path / "run").fit(X, Y)


def test_an_unbuilt_model_is_built_from_its_data(tmp_path) -> None:
    model = small.compiled(keras.Sequential([layers.Dense(4), layers.Dense(3)]))
    history = fit(search(model, tmp_path, 1), 1)
    assert history.results[1]["density"] == (17 + 8) / 36


def test_a_directory_that_is_in_use_is_refused(tmp_path) -> None:
    """Of another process, or of another search of this one: the same lock."""
    fit(search(small.compiled(), tmp_path, 0))
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json*")}
    with directories.lock(str(tmp_path)):
        with pytest.raises(LotteryError, match="is in use by process"):
            fit(search(small.compiled(), tmp_path, 0))
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json*")} == before


def test_a_directory_of_something_else_is_refused(tmp_path) -> None:
    (tmp_path / "level00").mkdir()
    with pytest.raises(LotteryError, match="no search.json"):
        fit(search(small.compiled(), tmp_path))
    (tmp_path / "search.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(LotteryError, match="not the manifest of a search"):
        lth.LotterySearch.load(str(tmp_path))
