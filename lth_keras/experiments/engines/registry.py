"""The registered engines, and what each is given.

@engines.register("mine")
def mine(job):
    diverged = []
    for task in job.queue.in_order():
        diverged += job.carry_out(task)
    return diverged

lth.Experiment(...).run(engine="mine")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from lth_keras.errors import LotteryError
from lth_keras.pruning.registries import Registry
from lth_keras.runs import layout

if TYPE_CHECKING:
    from lth_keras.experiments.tasks import Queue, Task
    from lth_keras.experiments.trials import Trials


@dataclasses.dataclass(frozen=True)
class Job:
    """What an engine is given.

    Attributes:
        queue: the tasks that are not finished.
        trials: makes the searches; `trials.packed` is what another process needs to
            make its own, as `worker.work` does.
        directory: where everything goes, held by this process.
        workers: number of runs at a time that was asked for; 0 is this process alone.
        on_result: to be called in this process with each new result line.
        carry_out: carries out a task in this process; returns what is said of a
            control that diverged, in a list of one, or an empty list.
    """

    queue: Queue
    trials: Trials
    directory: layout.ExperimentDirectory
    workers: int
    on_result: Callable[[dict[str, Any]], None]
    carry_out: Callable[[Task], list[str]]


Function = Callable[[Job], list[str]]
Check = Callable[[int, "Trials"], None]


class Engine(NamedTuple):
    """A registered engine.

    Attributes:
        function: f(job) -> what is said of each control that diverged. It carries
            out every task of the queue, or raises what a run raised, after which
            nothing of it may be running.
        check: f(workers, trials), which refuses what cannot be done before anything
            is written.
    """

    function: Function
    check: Check | None = None


REGISTRY: Registry[Engine] = Registry("engine")


def register(
    name: str, check: Check | None = None, *, replace: bool = False
) -> Callable[[Function], Function]:
    """Registers an engine under the name that `Experiment.run` is given.

    Args:
        name: letters, digits and underscores.
        check: an attribute of `Engine`.
        replace: whether an engine of that name may be replaced.

    Raises:
        LotteryError: the name is taken or cannot be one.
    """
    REGISTRY.check_name(name)

    def add(function: Function) -> Function:
        if not callable(function):
            raise LotteryError(f"engine {name!r} is no function: write f(job).")
        REGISTRY.add(name, Engine(function, check), replace)
        return function

    return add


def names() -> tuple[str, ...]:
    """The registered engines, in alphabetical order."""
    return REGISTRY.names()


def get(name: str) -> Engine:
    """The engine called `name`.

    Raises:
        LotteryError: no such engine.
    """
    return REGISTRY.get(name)
