"""Level arithmetic, points in training, and the schedule inside stock tfmot."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import collect_prunable_layers, keras, sparsity
from lth_keras.errors import LotteryError
from lth_keras.pruning import counts
from lth_keras.training.points import parse_step


@pytest.mark.parametrize(
    ("step", "iterations"),
    [("500it", 500), ("2ep", 200), ("0it", 0), (" 7it ", 7), (12, 12), (0, 0)],
)
def test_a_point_in_training_becomes_iterations(step, iterations):
    assert parse_step(step, steps_per_epoch=100) == iterations


def test_a_numpy_integer_is_a_point_in_training():
    found = parse_step(np.int64(3), None)
    assert found == 3 and type(found) is int


def test_epoch_zero_needs_no_length_of_an_epoch():
    assert parse_step("0ep", None) == 0


def test_epochs_of_unknown_length_are_refused():
    with pytest.raises(LotteryError, match="rewind_to='2ep' counts epochs"):
        parse_step("2ep", None)


@pytest.mark.parametrize(
    "step", ["", "5", "it", "-1it", "1.5ep", "2 ep", -1, True, None]
)
def test_anything_else_is_refused_by_name(step):
    with pytest.raises(LotteryError, match="k=.*is not a point in training"):
        parse_step(step, 10, name="k")


@pytest.mark.parametrize("rate", [0, 1, -0.2, 1.2, "much", None, float("nan"), True])
def test_a_rate_outside_zero_to_one_is_refused(rate):
    with pytest.raises(LotteryError, match="rate=.*is not a pruning rate"):
        counts.check_rate(rate)


def survivors(size: int, rate: float, level: int) -> int:
    for _ in range(level):
        size = counts.keep_count(size, rate)
    return size


def test_survivors_round_in_every_round():
    # 10 -> 8 -> 6 (1.6 rounds to 2) -> 5 -> 4.
    assert [survivors(10, 0.2, n) for n in range(5)] == [10, 8, 6, 5, 4]


def test_survivors_of_lenet_are_those_of_the_paper():
    # 1803.03635, figure 3: P_m of 51.3, 21.1 and 3.6 % after 3, 7 and 15 rounds.
    sizes, rates = [784 * 300, 300 * 100, 100 * 10], [0.2, 0.2, 0.1]
    for level, percent in ((3, 51.3), (7, 21.1), (15, 3.6)):
        kept = sum(survivors(n, r, level) for n, r in zip(sizes, rates, strict=True))
        assert round(100 * kept / sum(sizes), 1) == percent


def test_the_level_for_a_density_is_the_first_that_reaches_it():
    sizes, rates = [784 * 300, 300 * 100, 100 * 10], [0.2, 0.2, 0.1]
    assert counts.level_for_density(sizes, rates, 1.0) == 0
    assert counts.level_for_density(sizes, rates, 0.22) == 7
    assert counts.level_for_density([10], [0.2], 0.8) == 1
    assert counts.level_for_density([10], [0.2], 0.79) == 2


def test_a_density_that_rounding_never_reaches_is_refused():
    with pytest.raises(LotteryError, match="at 0.2 a round prunes no further weight"):
        counts.level_for_density([10], [0.2], 0.1)


@pytest.mark.parametrize("target", [0, -1, 1.1])
def test_a_target_that_is_no_density_is_refused(target):
    with pytest.raises(LotteryError, match="is no density"):
        counts.level_for_density([10], [0.2], target)


def fired(schedule: lth.IterativePruning, steps: int) -> dict[int, float]:
    found = {}
    for step in range(1, steps + 1):
        fires, target = schedule(tf.constant(step, tf.int64))
        if fires:
            found[step] = round(float(target), 6)
    return found


def test_the_schedule_fires_at_the_first_step_of_each_level():
    schedule = lth.IterativePruning(0.5, steps_per_level=3)
    assert fired(schedule, 10) == {4: 0.5, 7: 0.75, 10: 0.875}


def test_the_schedule_stops_after_its_levels():
    schedule = lth.IterativePruning(0.5, steps_per_level=3, levels=2)
    assert fired(schedule, 20) == {4: 0.5, 7: 0.75}


def test_a_schedule_without_a_level_length_never_fires():
    assert fired(lth.IterativePruning(0.5), 10) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 1.5}, "rate=1.5 is not a pruning rate"),
        ({"rate": 0.2, "steps_per_level": 0}, "steps_per_level=0"),
        ({"rate": 0.2, "levels": -1}, "levels=-1"),
    ],
)
def test_a_schedule_with_bad_arguments_is_refused(arguments, message):
    with pytest.raises(LotteryError, match=message):
        lth.IterativePruning(**arguments)


def test_the_configuration_makes_the_schedule_again():
    schedule = lth.IterativePruning(0.2, steps_per_level=np.int64(10), levels=3)
    config = schedule.get_config()
    assert config["class_name"] == "lth_keras>IterativePruning"
    again = keras.utils.deserialize_keras_object(config)
    assert type(again) is lth.IterativePruning
    assert again.get_config() == config
    assert type(again.steps_per_level) is int


def stock_model() -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(10, input_shape=(10,))])
    schedule = lth.IterativePruning(0.5, steps_per_level=2, levels=2)
    return sparsity.prune_low_magnitude(model, pruning_schedule=schedule)


def test_stock_tfmot_prunes_by_this_schedule():
    model = stock_model()
    model.compile("sgd", "mse")
    zeros = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: zeros.append(
            int((model.layers[0].pruning_vars[0][1].numpy() == 0).sum())
        )
    )
    x = np.random.default_rng(0).normal(size=(8, 10)).astype("float32")
    callbacks = [sparsity.UpdatePruningStep(), record]
    model.fit(x, x, batch_size=1, verbose=0, callbacks=callbacks)
    assert zeros == [0, 0, 50, 50, 75, 75, 75, 75]


def test_a_stock_model_with_this_schedule_survives_a_file(tmp_path):
    model = stock_model()
    model.save(tmp_path / "stock.keras")
    with sparsity.prune_scope():
        loaded = keras.models.load_model(tmp_path / "stock.keras")
    (layer,) = collect_prunable_layers(loaded)
    assert type(layer.pruning_schedule) is lth.IterativePruning
    assert layer.pruning_schedule.get_config() == (
        model.layers[0].pruning_schedule.get_config()
    )
