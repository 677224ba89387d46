"""The pieces of a job that are carried out one by one, and which may be next."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from lth_keras import controls, files, storage


@dataclasses.dataclass(frozen=True)
class Task:
    """A whole search, or one run of a control.

    Attributes:
        trial: number of the trial.
        control: the control as `controls.parse` reads it; empty for the search.
        level: level whose density a control has.
        replicate: number of the control's repetition.
    """

    trial: int
    control: str = ""
    level: int = 0
    replicate: int = 0

    @property
    def kind(self) -> str:
        """What progress calls it: "ticket", or the control."""
        return self.control or "ticket"


def of_job(
    trials: int, levels: Sequence[int], names: Sequence[str], replicates: int
) -> list[Task]:
    """The tasks of a job in their order: by trial the search, then its controls.

    Args:
        trials: number of searches.
        levels: levels at which controls are run.
        names: the controls.
        replicates: runs of each control per level.
    """
    found = []
    for trial in range(trials):
        found.append(Task(trial))
        found += [
            Task(trial, name, level, replicate)
            for name in names
            for level in levels
            for replicate in range(replicates)
        ]
    return found


def missing(
    tasks: Iterable[Task], directory: storage.ExperimentDirectory, last: int
) -> dict[Task, int]:
    """The tasks that are not finished, each with its number of training runs.

    Args:
        tasks: of the job.
        directory: of the job.
        last: the last level of a search.
    """
    found = {}
    for task in tasks:
        run = directory.trial(task.trial)
        if task.control:
            key = controls.parse(task.control).key
            places = [run.control(key, task.level, task.replicate)]
        else:
            places = [run.level(level) for level in range(last + 1)]
        count = sum(not files.exists(place.result) for place in places)
        if count:
            found[task] = count
    return found


class Queue:
    """Gives out tasks that can be carried out now, to several workers.

    A control waits until its search has reached its level. Runs of a control that
    share training are given out one at a time.

    Args:
        tasks: those that are not finished, in the order of the job.
        directory: of the job, which says what its searches have reached.
    """

    def __init__(self, tasks: Iterable[Task], directory: storage.ExperimentDirectory):
        self._waiting = list(tasks)
        self._running: set[Task] = set()
        self._directory = directory

    def __bool__(self) -> bool:
        """Whether anything is left to be done or to be waited for."""
        return bool(self._waiting or self._running)

    def take(self, trial: int | None) -> Task | None:
        """The next task for a worker, or None while there is none.

        Searches come first, since everything else waits for them; then what belongs
        to the worker's last trial, whose model it has.

        Args:
            trial: the worker's last trial.
        """
        chosen = min(
            self._ready(),
            key=lambda task: (bool(task.control), task.trial != trial),
            default=None,
        )
        if chosen is not None:
            self._waiting.remove(chosen)
            self._running.add(chosen)
        return chosen

    def finish(self, task: Task) -> None:
        """A task is done."""
        self._running.discard(task)

    def _ready(self) -> Iterator[Task]:
        busy = {
            (task.trial, task.control)
            for task in self._running
            if task.control and controls.parse(task.control).shares
        }
        reached = {task.trial: self._reached(task.trial) for task in self._waiting}
        for task in self._waiting:
            if (task.trial, task.control) not in busy and (
                not task.control or task.level in reached[task.trial]
            ):
                yield task

    def _reached(self, trial: int) -> set[int]:
        """Levels that the search of a trial has finished."""
        run = self._directory.trial(trial)
        return {n for n in run.levels() if files.exists(run.level(n).result)}
