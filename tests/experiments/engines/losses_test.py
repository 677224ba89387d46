"""A run that is cut short is begun again, but not for ever."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.experiments.engines.losses import Losses
from lth_keras.experiments.tasks import Queue, Task
from lth_keras.runs import layout
from lth_keras.storage import files

SEARCH, CONTROL = Task(0), Task(0, "random_reinit", 1)


def test_a_task_is_begun_again_until_it_was_cut_short_too_often_in_a_row():
    losses = Losses("use fewer workers", most=2)
    for _ in range(2):
        said = losses.lost(CONTROL, "exit code -9")
        assert said == (
            "trial 0, level 1 (random_reinit) was ended from outside (exit code -9); "
            "it is begun again."
        )
    losses.lost(SEARCH, "exit code -9")  # Another task's losses are its own.
    with pytest.raises(LotteryError) as error:
        losses.lost(CONTROL, "exit code -9")
    assert str(error.value) == (
        "trial 0, level 1 (random_reinit) was ended from outside 3 times in a row "
        "(exit code -9): use fewer workers; started again, it goes on."
    )


def test_a_result_in_between_makes_the_count_begin_anew():
    losses = Losses("use fewer workers", most=1)
    for _ in range(5):
        losses.lost(SEARCH, "x")
        losses.progressed(SEARCH)
    losses.lost(SEARCH, "x")
    with pytest.raises(LotteryError, match="trial 0 was ended from outside 2 times"):
        losses.lost(SEARCH, "x")


def test_what_is_begun_again_comes_next(tmp_path):
    queue = Queue([Task(0), Task(1)], layout.ExperimentDirectory(str(tmp_path)))
    first = queue.take(None)
    assert first == Task(0)
    queue.again(first)
    assert len(queue) == 2
    assert [queue.take(None) for _ in range(3)] == [Task(0), Task(1), None]


def test_a_search_waits_for_its_running_controls_before_it_begins_again(tmp_path):
    """It clears its directory first, where they may be about to write."""
    directory = layout.ExperimentDirectory(str(tmp_path))
    queue = Queue([SEARCH, CONTROL], directory)
    queue.take(None)
    files.write_json(directory.trial(0).level(1).result, {})
    queue.begin(SEARCH)
    assert queue.take(None) == CONTROL
    queue.again(SEARCH)
    assert queue.take(None) is None
    queue.finish(CONTROL)
    assert queue.take(None) == SEARCH
