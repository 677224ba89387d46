"""The warmup is linear, follows its schedule, and survives saving and XLA."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import keras3_schedules
from lth_keras.training.learning_rates import LinearWarmup

Kind = tuple[Any, Any]  # a Keras, and the schedule of it


@pytest.fixture(params=["tf_keras", "keras3"])
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "tf_keras":
        return keras, LinearWarmup
    return compat.keras3(), keras3_schedules.linear_warmup()


def drops(of: Any = keras) -> Any:
    return of.optimizers.schedules.PiecewiseConstantDecay([5, 7], [1.0, 0.1, 0.01])


def test_the_rate_rises_in_equal_steps_and_then_stays(kind):
    schedule = kind[1](0.8, 4)
    found = [float(schedule(step)) for step in range(6)]
    assert np.allclose(found, [0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


@pytest.mark.parametrize(
    ("warmup", "expected"),
    [
        (1, [1, 1, 1, 1, 1, 1, 0.1, 0.1, 0.01]),
        (2, [0.5, 1, 1, 1, 1, 1, 0.1, 0.1, 0.01]),
        # What the inner schedule gives is scaled while it warms up, too.
        (10, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.07, 0.08, 0.009]),
    ],
)
def test_an_inner_schedule_is_followed(kind, warmup, expected):
    of, warmed = kind
    schedule = warmed(drops(of), warmup)
    assert np.allclose([float(schedule(step)) for step in range(9)], expected)


def test_it_counts_far_iterations_as_optimizers_do():
    schedule = LinearWarmup(1.0, 20_000)
    step = tf.Variable(9_999, dtype=tf.int64)
    assert float(schedule(step)) == 0.5
    assert schedule(step).dtype == tf.float32


@pytest.mark.parametrize("inner", [False, True], ids=["number", "schedule"])
def test_it_goes_through_json_and_back(kind, inner):
    of, warmed = kind
    rate = drops(of) if inner else 0.5
    serialized = of.optimizers.schedules.serialize(warmed(rate, 3))
    assert serialized["registered_name"] == "lth_keras>LinearWarmup"
    again = of.optimizers.schedules.deserialize(json.loads(json.dumps(serialized)))
    assert isinstance(again, warmed)
    for step in (0, 2, 6, 9):
        assert float(again(step)) == float(warmed(rate, 3)(step))


def test_an_optimizer_follows_it_under_xla():
    weight = tf.Variable(0.0)
    optimizer = keras.optimizers.SGD(LinearWarmup(drops(), 4))
    optimizer.build([weight])

    @tf.function(jit_compile=True)
    def step() -> None:
        optimizer.apply_gradients([(tf.constant(-1.0), weight)])

    found = []
    for _ in range(8):
        step()
        found.append(float(weight))
    assert np.allclose(np.diff([0.0, *found]), [0.25, 0.5, 0.75, 1, 1, 1, 0.1, 0.1])


@pytest.mark.parametrize("warmup", [0, -1, 2.5])
def test_a_warmup_that_is_no_count_is_refused(kind, warmup):
    with pytest.raises(LotteryError, match=f"warmup={warmup} is not allowed"):
        kind[1](0.1, warmup)
