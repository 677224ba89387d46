"""The plan of a search: callbacks as new at each level, data tried beforehand."""

from __future__ import annotations

from lth_keras.compat import keras
from lth_keras.training import plan as plans
from tests.support import small_search as small

X, Y = small.data()
GIVEN = {
    "batch_size": 10,
    "epochs": 3,
    "initial_epoch": 1,
    "monitor": "val_loss",
    "seed": 0,
    "trial": 0,
}


def plan(model=None, **arguments) -> plans.Plan:
    return plans.make(model or small.compiled(), x=X, y=Y, **{**GIVEN, **arguments})


def test_iterations_are_those_of_the_epochs_that_are_trained() -> None:
    assert plan().iterations == 10
    assert plan(steps_per_epoch=7).iterations == 14


def test_callbacks_with_state_are_as_before_the_search_at_each_level() -> None:
    best = keras.callbacks.ModelCheckpoint("unused", save_best_only=True)
    mine = keras.callbacks.Callback()
    one = plan(callbacks=[best, mine])
    for level in range(3):
        assert one.callbacks_of(level) == [best, mine]
        assert best.best == float("inf")
        best.best, mine.seen = 0.1, level
    assert mine.seen == 2
    assert plan(callbacks=mine).callbacks_of(0) == [mine]
    assert plan(callbacks=lambda level: {4: [mine, best]}[level]).callbacks_of(4) == [
        mine,
        best,
    ]
    assert plan().callbacks_of(0) == []


def test_validation_that_keras_shall_do_itself_is_handed_on() -> None:
    data = (X, Y)
    ours = plan(validation_data=data)
    assert list(ours.evaluators) == ["val"]
    assert "validation_data" not in ours.fit_arguments
    theirs = plan(validation_data=data, validation_steps=2)
    assert theirs.evaluators == {}
    assert theirs.fit_arguments["validation_data"] is data
    assert (ours.monitor, plan().monitor) == ("val_loss", None)


def test_making_a_plan_changes_no_weight() -> None:
    model = small.compiled()
    before = small.values(model)
    plan(model)
    assert small.same_bits(small.values(model), before)
