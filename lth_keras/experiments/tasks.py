"""The pieces of a job that are carried out one by one, and which may be next."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from lth_keras.analysis import connectivity
from lth_keras.analysis.study import Children
from lth_keras.controls import syntax
from lth_keras.runs import layout
from lth_keras.storage import paths


@dataclasses.dataclass(frozen=True)
class Task:
    """A whole search, one run of a control, or the line between two of these.

    Attributes:
        trial: number of the trial.
        control: the control as `controls.parse` reads it; empty for the search.
        level: level whose density a control has.
        replicate: number of the control's repetition.
        second: of a line, the repetition that it leads to; None for a run.
        children: of a line, what it is between.
    """

    trial: int
    control: str = ""
    level: int = 0
    replicate: int = 0
    second: int | None = None
    children: Children | None = None

    @property
    def kind(self) -> str:
        """What progress calls it: "ticket", or the control."""
        return self.control or "ticket"

    @property
    def said(self) -> str:
        """What a message calls it: "trial 0", "trial 0, level 3 (random_reinit)"."""
        level = f", level {self.level} ({self.control})" if self.control else ""
        return f"trial {self.trial}{level}"

    @property
    def ends(self) -> tuple[int, ...]:
        """The repetitions that a line is between; none for a run."""
        return () if self.second is None else (self.replicate, self.second)


def of_job(
    trials: Iterable[int], levels: Sequence[int], names: Sequence[str], replicates: int
) -> list[Task]:
    """The tasks of a job in their order: by trial the search, then its controls.

    Args:
        trials: numbers of the searches.
        levels: levels at which controls are run.
        names: the controls.
        replicates: runs of each control per level.
    """
    # The same control may be written in several ways.
    different: dict[str, str] = {}
    for name in names:
        different.setdefault(syntax.parse(name).key, name)
    found = []
    for trial in trials:
        found.append(Task(trial))
        found += [
            Task(trial, name, level, replicate)
            for name in different.values()
            for level in levels
            for replicate in range(replicates)
        ]
    return found


def of_stability(trials: Iterable[int], starts: Sequence[Children]) -> list[Task]:
    """The tasks of a study: by trial and start the children, then the lines.

    Args:
        trials: numbers of the searches.
        starts: what is trained in each.
    """
    found = []
    for trial in trials:
        for each in starts:
            found += [
                Task(trial, each.control, each.level, number)
                for number in range(each.number)
            ]
            found += [
                Task(trial, each.control, each.level, *pair, each)
                for pair in each.pairs
            ]
    return found


def missing(
    tasks: Iterable[Task], directory: layout.ExperimentDirectory, last: int
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
        if task.children is not None:
            key = syntax.parse(task.control).key
            place = run.line(key, task.level, *task.ends)
            if not connectivity.is_stored(place, task.children.measured):
                found[task] = 1
            continue
        if task.control:
            key = syntax.parse(task.control).key
            places = [run.control(key, task.level, task.replicate)]
        else:
            places = [run.level(level) for level in range(last + 1)]
        count = sum(not paths.exists(place.result) for place in places)
        if count:
            found[task] = count
    return found


class Queue:
    """Gives out tasks that can be carried out now, to several workers.

    A control waits until its search has reached its level, a line until both its ends
    are trained. Runs that share training are given out one at a time, or until the
    first of them has trained what they share.

    Args:
        tasks: those that are not finished, in the order of the job.
        directory: of the job, which says what its searches have reached.
    """

    def __init__(self, tasks: Iterable[Task], directory: layout.ExperimentDirectory):
        self._waiting = list(tasks)
        self._running: set[Task] = set()
        self._begun: set[int] = set()
        self._directory = directory
        # By trial and level; what is finished once stays so.
        self._finished: set[tuple[int, int]] = set()
        self._shares = {
            task.control: syntax.parse(task.control).shared if task.control else ()
            for task in self._waiting
        }
        self._once = {
            name for name in self._shares if name and syntax.parse(name).shared_once
        }
        self._shared_by: set[tuple[int, str]] = set()

    def __len__(self) -> int:
        """Tasks that are left to be done or to be waited for."""
        return len(self._waiting) + len(self._running)

    def take(self, trial: int | None) -> Task | None:
        """The next task for a worker, or None while there is none.

        Searches come first, since everything else waits for them; then what belongs
        to the worker's last trial, whose model it has.

        Args:
            trial: the worker's last trial.
        """
        # One that is begun again would clear away what its controls are writing.
        busy = {task.trial for task in self._running if task.control}
        searches = (
            task
            for task in self._waiting
            if not task.control and task.trial not in busy
        )
        chosen = next(searches, None) or min(
            self._ready(), key=lambda task: task.trial != trial, default=None
        )
        if chosen is not None:
            self._waiting.remove(chosen)
            self._running.add(chosen)
        return chosen

    def in_order(self) -> Iterator[Task]:
        """Every task in the order of the job, each done when the next is asked for.

        For a single worker: what a task waits for stands before it.
        """
        while self._waiting:
            task = self._waiting.pop(0)
            self._running.add(task)
            yield task
            self.finish(task)

    def begin(self, task: Task) -> None:
        """A task has its first result."""
        self._begun.add(task.trial)

    def again(self, task: Task) -> None:
        """A task was cut short, and is to be given out once more before the others."""
        self._running.discard(task)
        if not task.control:
            self._begun.discard(task.trial)
        self._waiting.insert(0, task)

    def finish(self, task: Task) -> None:
        """A task is done."""
        self._running.discard(task)
        if task.control in self._once:
            self._shared_by.add((task.trial, task.control))

    def _ready(self) -> Iterator[Task]:
        """The controls that can be carried out now."""
        busy = {key for task in self._running for key in self._shared(task)}
        # A search first clears away what a killed one left, which might be a file
        # that a control is about to write.
        clearing = {task.trial for task in self._running if not task.control}
        clearing -= self._begun
        self._look()
        for task in self._waiting:
            if (
                (task.trial, task.level) in self._finished
                and task.trial not in clearing
                and not self._waits_for_ends(task)
                and busy.isdisjoint(self._shared(task))
            ):
                yield task

    def _waits_for_ends(self, task: Task) -> bool:
        """Whether a line's end is still to be trained; one that diverged is not."""
        return any(
            Task(task.trial, task.control, task.level, number) in left
            for number in task.ends
            for left in (self._waiting, self._running)
        )

    def _look(self) -> None:
        """Finds which levels that controls wait for have been finished meanwhile.

        Levels follow each other: behind one that is not there nothing is looked for,
        since in an object store each look is a request.
        """
        awaited = {(task.trial, task.level) for task in self._waiting}
        missing: set[int] = set()
        for trial, level in sorted(awaited - self._finished):
            if trial in missing:
                continue
            if paths.exists(self._directory.trial(trial).level(level).result):
                self._finished.add((trial, level))
            else:
                missing.add(trial)

    def _shared(self, task: Task) -> list[tuple[int, str]]:
        """What a task trains that others train too: by trial and transform."""
        if task.ends or (task.trial, task.control) in self._shared_by:
            return []
        return [(task.trial, name) for name in self._shares[task.control]]
