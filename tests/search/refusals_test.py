"""What a search refuses, in one line, before or while it trains."""

from __future__ import annotations

import json

import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.storage import locks
from tests.support import small_search as small
from tests.support.small_search import TEST, VALIDATION, X, Y, fit, search

layers = keras.layers


def test_other_settings_in_the_same_directory_are_refused_by_name(tmp_path) -> None:
    fit(search(small.kept(), tmp_path, 1), validation_data=VALIDATION)
    before = small.fingerprints(tmp_path)
    other = small.compiled(optimizer=keras.optimizers.SGD(0.2, momentum=0.9), rate=0.25)
    with pytest.raises(LotteryError) as error:
        fit(search(other, tmp_path, 3), 4, batch_size=9, validation_data=TEST)
    said = str(error.value)
    for name in ("levels", "epochs", "batch_size", "rates", "optimizer", "validation"):
        assert name in said
    assert "levels (stored 1, given 3)" in said
    for name in ("seed", "scope", "loss", "jit_compile", "architecture"):
        assert f"{name} (" not in said
    assert small.fingerprints(tmp_path) == before


@pytest.mark.slow
def test_a_search_begins_dense(tmp_path) -> None:
    model = small.kept()
    fit(search(model, tmp_path / "one"))
    with pytest.raises(LotteryError, match="wrap the model anew"):
        fit(search(model, tmp_path / "two"))


def test_data_that_end_early_are_refused(tmp_path) -> None:
    """Keras only warns, and the level would be shorter than the others."""
    batches_of_ten = ((X[:10], Y[:10]) for _ in range(8))
    one = search(small.kept(), tmp_path, 1)
    # How far ahead the generator is read differs from run to run.
    said = "level 1 ended at iteration . of 5|ended before level 1"
    with pytest.raises(LotteryError, match=said):
        one.fit(batches_of_ten, steps_per_epoch=5, verbose=0)
    assert one.finished_levels == [0]


def test_rewinding_to_a_step_that_training_stopped_before_is_refused(tmp_path) -> None:
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    one = search(small.kept(), tmp_path, 1, rewind_to="7it")
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
        ({"callbacks": "x"}, "callbacks: 'x'"),
        ({"callbacks": keras.callbacks.EarlyStopping}, "EarlyStopping is a class"),
        ({"class_weight": [1.0, 2.0, 1.0]}, "class_weight is a list"),
        ({"class_weight": {0: 1.0, 1: 1.0}}, "labels from 0 to 2, and class_weight"),
        ({"batch_size": "4"}, "batch_size='4'"),
        ({"batch_size": 4.0}, "batch_size=4.0"),
        ({"steps_per_epoch": "4"}, "steps_per_epoch='4'"),
        ({"validation_split": "0.2"}, "validation_split='0.2'"),
        ({"shuffle": "no"}, "shuffle='no'"),
        ({"sample_weight": [1.0] * 45}, "sample_weight is a list of float"),
        ({"validation_data": (X, Y.astype(str))}, "validation_data: y holds text"),
        ({"test_data": (X + 1j, Y)}, "test_data: x holds complex"),
        ({"train_data": (X, Y + 0.5)}, "train_data: y has labels such as"),
        ({"validation_data": (X, list(Y))}, "validation_data: y is a list of int64"),
        ({"epochs": 1}, "rewind_to='7it' is iteration 7, past the end .* 5 iterations"),
    ],
)
def test_bad_fit_arguments_leave_no_directory(arguments, said: str, tmp_path) -> None:
    one = search(small.kept(), tmp_path / "run", rewind_to="7it")
    with pytest.raises(LotteryError, match=said) as error:
        fit(one, **{"epochs": 2, **arguments})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def endless():
    while True:
        yield X[:10], Y[:10]


@pytest.mark.parametrize(
    ("data", "arguments", "said"),
    [
        ((X, Y + 0.5), {}, "training data: y has labels such as"),
        ((X, Y.astype(str)), {}, "training data: y holds text"),
        ((X + 1j, Y), {}, "training data: x holds complex"),
        ((tf.data.Dataset.from_tensors((X, Y + 0.5)),), {}, "y has labels such as"),
        ((tf.data.Dataset.from_tensors((X, Y + 3)),), {}, "labels from 3 to 5"),
        ((lambda epoch: None,), {}, "cannot be called with .level, seed."),
        ((endless,), {}, "call it, x=endless"),
        ((endless(),), {}, "x is a generator.*pass steps_per_epoch"),
        (
            (X, Y),
            {"validation_data": endless()},
            "validation_data is a generator.*pass validation_steps",
        ),
        ((X, list(Y)), {}, "y is a list of int64"),
        (({"a": [1, 2]}, Y), {}, "x is a dict of list of int"),
    ],
)
def test_bad_data_leave_no_directory(data, arguments, said: str, tmp_path) -> None:
    with pytest.raises(LotteryError, match=said) as error:
        search(small.compiled(), tmp_path / "run").fit(*data, verbose=0, **arguments)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    assert not (tmp_path / "run").exists()


def test_a_sequence_that_is_an_iterator_too_begins_again(tmp_path) -> None:
    """As Keras's own flows of images are: their length is known."""

    class Flow(keras.utils.Sequence):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X[:10], Y[:10]

        def __iter__(self):
            return self

        def __next__(self):
            return self[0]

    one = search(small.compiled(), tmp_path / "run")
    plan, _, _ = one.plan_for(x=Flow(), validation_data=Flow(), epochs=2)
    assert plan.iterations == 4


class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule as a tutorial has it: trained with, never saved."""

    def __init__(self, width, warmup=4):
        super().__init__()
        self._width, self._warmup = width, warmup

    def __call__(self, step):
        return self._width * tf.cast(step, tf.float32) / self._warmup


class Own(keras.optimizers.SGD):
    def get_config(self):
        raise AttributeError("no name\nhere")


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (lambda: keras.optimizers.Adam(Warmup(8)), 'Warmup.*"width": ..., "warmup"'),
        (lambda: keras.optimizers.legacy.SGD(Warmup(8)), "Warmup has no get_config"),
        (lambda: Own(0.1), "the optimizer Own has no get_config.*no name"),
    ],
)
def test_settings_that_cannot_be_told_are_refused(optimizer, said, tmp_path) -> None:
    model = small.compiled(optimizer=optimizer())
    with pytest.raises(LotteryError, match=said) as error:
        fit(search(model, tmp_path / "run"))
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
    assert not (tmp_path / "run").exists()


def test_steps_per_execution_that_passes_over_a_point_is_refused(tmp_path) -> None:
    model = small.compiled(steps_per_execution=2)
    with pytest.raises(LotteryError, match="rewind_to=3.*steps_per_execution=2"):
        fit(search(model, tmp_path / "run", rewind_to="3it"))
    with pytest.raises(LotteryError, match="evaluate_every=3"):
        fit(search(model, tmp_path / "run"), evaluate_every=3)
    assert not (tmp_path / "run").exists()


def test_an_unknown_monitor_names_those_there_are(tmp_path) -> None:
    one = search(small.kept(), tmp_path, monitor="val_f1")
    with pytest.raises(LotteryError, match="val_loss, val_accuracy"):
        fit(one, validation_data=VALIDATION)


def test_a_model_that_is_not_wrapped_or_not_compiled_is_refused(tmp_path) -> None:
    with pytest.raises(LotteryError, match="lth.wrap"):
        search(small.dense_model(), tmp_path / "run")
    with pytest.raises(LotteryError, match="model.compile"):
        search(lth.wrap(small.dense_model()), tmp_path / "run").fit(X, Y)


def test_a_directory_that_is_in_use_is_refused(tmp_path) -> None:
    """Of another process, or of another search of this one: the same lock."""
    fit(search(small.kept(), tmp_path, 0))
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json*")}
    with locks.lock(str(tmp_path)):
        with pytest.raises(LotteryError, match="is in use by process"):
            fit(search(small.kept(), tmp_path, 0))
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json*")} == before


def test_a_directory_of_something_else_is_refused(tmp_path) -> None:
    (tmp_path / "level00").mkdir()
    with pytest.raises(LotteryError, match="no search.json"):
        fit(search(small.kept(), tmp_path))
    (tmp_path / "search.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(LotteryError, match="not the manifest of a search"):
        lth.LotterySearch.load(str(tmp_path))
