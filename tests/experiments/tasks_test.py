"""Which piece of a job may be next, when several workers ask."""

from __future__ import annotations

import dataclasses

import pytest

from lth_keras.analysis.connectivity import Measured
from lth_keras.analysis.study import Children, Study
from lth_keras.experiments import tasks
from lth_keras.experiments.tasks import Queue, Task
from lth_keras.runs import layout, lines
from lth_keras.storage import files


@pytest.fixture
def directory(tmp_path) -> layout.ExperimentDirectory:
    return layout.ExperimentDirectory(str(tmp_path))


def finish(place: layout.LevelDirectory) -> None:
    files.write_json(place.result, {})


def test_a_job_is_its_searches_each_followed_by_its_controls():
    assert tasks.of_job(range(2), [3, 7], ["one_shot", "noise"], 1) == [
        Task(0),
        Task(0, "one_shot", 3),
        Task(0, "one_shot", 7),
        Task(0, "noise", 3),
        Task(0, "noise", 7),
        Task(1),
        Task(1, "one_shot", 3),
        Task(1, "one_shot", 7),
        Task(1, "noise", 3),
        Task(1, "noise", 7),
    ]
    assert tasks.of_job([0], [2], ["noise"], 2)[1:] == [
        Task(0, "noise", 2, 0),
        Task(0, "noise", 2, 1),
    ]


def test_what_is_stored_is_not_missing(directory):
    every = tasks.of_job([0], [1, 2], ["noise:sigma=2"], 1)
    assert tasks.missing(every, directory, last=2) == dict(
        zip(every, [3, 1, 1], strict=True)
    )
    run = directory.trial(0)
    finish(run.level(0))
    finish(run.control("noise,sigma=2.0", 2))
    assert tasks.missing(every, directory, last=2) == {every[0]: 2, every[1]: 1}
    for level in (1, 2):
        finish(run.level(level))
    finish(run.control("noise,sigma=2.0", 1))
    assert tasks.missing(every, directory, last=2) == {}


def test_searches_come_first_and_controls_wait_for_their_level(directory):
    queue = Queue(tasks.of_job(range(2), [1, 2], ["one_shot"], 1), directory)
    assert [queue.take(None), queue.take(None)] == [Task(0), Task(1)]
    queue.begin(Task(0))
    queue.begin(Task(1))
    assert queue.take(None) is None
    finish(directory.trial(1).level(1))
    assert queue.take(None) == Task(1, "one_shot", 1)
    assert queue.take(None) is None
    finish(directory.trial(1).level(2))
    finish(directory.trial(0).level(1))
    # A worker goes on with the trial whose model it has.
    assert queue.take(1) == Task(1, "one_shot", 2)
    assert queue.take(1) == Task(0, "one_shot", 1)


def test_the_disk_is_asked_for_levels_that_are_awaited_and_for_each_but_once(
    directory, monkeypatch
):
    every = tasks.of_job(range(10), [1, 2], ["one_shot"], 5)
    queue, asked = Queue(every, directory), []
    exists = tasks.paths.exists

    def counted(path: str) -> bool:
        asked.append(path)
        return exists(path)

    monkeypatch.setattr(tasks.paths, "exists", counted)
    for trial in range(10):
        assert queue.take(None) == Task(trial)
        queue.begin(Task(trial))
        for level in (1, 2):
            finish(directory.trial(trial).level(level))
        queue.finish(Task(trial))
    # As long as a search is waiting, there is nothing to ask.
    assert asked == []
    taken = [queue.take(0) for _ in range(100)]
    assert None not in taken and set(taken) == {t for t in every if t.control}
    assert len(asked) == len(set(asked)) == 20


def test_controls_that_share_training_are_given_out_one_at_a_time(directory):
    names = ["continued", "one_shot+weight_rewind:step=3it"]
    every = [task for task in tasks.of_job([0], [1, 2], names, 1) if task.control]
    for level in (1, 2):
        finish(directory.trial(0).level(level))
    queue = Queue(every, directory)
    first, second = queue.take(0), queue.take(0)
    assert (first, second) == (Task(0, names[0], 1), Task(0, names[1], 1))
    assert queue.take(0) is None
    queue.finish(second)
    assert queue.take(0) == Task(0, names[1], 2)


def test_what_shares_training_shares_it_in_every_control(directory):
    names = ["continued", "continued+random_reinit"]
    every = [task for task in tasks.of_job([0], [1], names, 1) if task.control]
    finish(directory.trial(0).level(1))
    queue = Queue(every, directory)
    assert queue.take(0) == every[0]
    assert queue.take(0) is None
    queue.finish(every[0])
    assert queue.take(0) == every[1]


def test_controls_wait_while_a_search_that_goes_on_clears_up(directory):
    finish(directory.trial(0).level(1))
    queue = Queue(tasks.of_job([0], [1], ["one_shot"], 1), directory)
    search = queue.take(None)
    assert queue.take(None) is None
    queue.begin(search)
    assert queue.take(None) == Task(0, "one_shot", 1)


def test_a_single_worker_has_the_order_of_the_job(directory):
    every = tasks.of_job(range(2), [1], ["one_shot"], 1)
    queue, left = Queue(every, directory), []
    for task in queue.in_order():
        left.append((task, len(queue)))
    # A task that is being carried out is not done.
    assert left == list(zip(every, [4, 3, 2, 1], strict=True))
    assert not queue


def test_a_queue_is_empty_when_the_last_task_has_ended(directory):
    queue = Queue([Task(0)], directory)
    task = queue.take(None)
    assert queue
    queue.finish(task)
    assert not queue


def study(children: int = 2, of: str = "ticket") -> list[Children]:
    return Study([1], ["3it"], of, children).starts()


def test_a_study_is_the_children_of_each_start_and_then_the_lines_between_them():
    (start,) = study(3)
    found = tasks.of_stability([0, 1], [start])
    name = "weight_rewind:step=3it"
    assert found[:3] == [Task(0, name, 1, number) for number in range(3)]
    assert [task.ends for task in found[3:6]] == [(0, 1), (0, 2), (1, 2)]
    assert found[6] == Task(1, name, 1, 0) and len(found) == 12


def test_a_line_waits_for_both_its_ends_and_the_first_child_for_what_all_share(
    directory,
):
    every = tasks.of_stability([0], study())
    finish(directory.trial(0).level(1))
    queue = Queue(every, directory)
    # The dense network is trained up to iteration 3 once, by whoever is first.
    assert (queue.take(0), queue.take(0)) == (every[0], None)
    queue.finish(every[0])
    assert (queue.take(0), queue.take(0)) == (every[1], None)
    queue.finish(every[1])
    assert queue.take(0) == every[2]


def test_the_first_of_controls_that_share_once_lets_the_others_go_side_by_side(
    directory,
):
    every = tasks.of_job([0], [1], ["weight_rewind:step=3it"], 3)[1:]
    finish(directory.trial(0).level(1))
    queue = Queue(every, directory)
    queue.finish(queue.take(0))
    assert [queue.take(0), queue.take(0)] == every[1:]


def test_a_line_is_missing_until_it_is_measured_as_it_is_asked_for(directory):
    (start,) = study()
    *_, task = every = tasks.of_stability([0], [start])
    assert list(tasks.missing(every, directory, last=1)) == every
    run, key = directory.trial(0), "weight_rewind,step=3it"
    for number in range(2):
        finish(run.control(key, 1, number))
    about = {**start.about, "examples": start.measured.examples}
    alphas = [n / 29 for n in range(30)]
    curves = {"interpolated": {"test_error": [0.5] * 30}}
    line = lines.Line(alphas, curves, "accuracy", {"test": 10}, about)
    lines.write(run.line(key, 1, 0, 1), line)
    assert tasks.missing(every, directory, last=1) == {}
    other = dataclasses.replace(start, measured=Measured(alphas=5))
    more = dataclasses.replace(task, children=other)
    assert tasks.missing([more], directory, last=1) == {more: 1}
