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
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

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
        tell: shows the user a line beside the progress, as that a run was cut short
            and is begun again.
    """

    queue: Queue
    trials: Trials
    directory: layout.ExperimentDirectory
    workers: int
    on_result: Callable[[dict[str, Any]], None]
    carry_out: Callable[[Task], list[str]]
    tell: Callable[[str], None] = print


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
        elsewhere: whether no run is ever carried out in this process, with workers=0
            neither: each has a process of one thread then, as workers have.
    """

    function: Function
    check: Check | None = None
    elsewhere: bool = False


class Configured(Protocol):
    """An engine with settings of its own, such as `Ray(num_gpus=1)`."""

    def as_engine(self) -> Engine:
        """The engine with these settings."""


# A registered name, or an engine itself.
AnyEngine = str | Engine | Configured

REGISTRY: Registry[Engine] = Registry("engine")


def register(
    name: str,
    check: Check | None = None,
    *,
    elsewhere: bool = False,
    replace: bool = False,
) -> Callable[[Function], Function]:
    """Registers an engine under the name that `Experiment.run` is given.

    Args:
        name: letters, digits and underscores.
        check: an attribute of `Engine`.
        elsewhere: another.
        replace: whether an engine of that name may be replaced.

    Raises:
        LotteryError: the name is taken or cannot be one.
    """
    REGISTRY.check_name(name)

    def add(function: Function) -> Function:
        if not callable(function):
            raise LotteryError(f"engine {name!r} is no function: write f(job).")
        REGISTRY.add(name, Engine(function, check, elsewhere), replace)
        return function

    return add


def names() -> tuple[str, ...]:
    """The registered engines, in alphabetical order."""
    return REGISTRY.names()


def get(engine: AnyEngine) -> Engine:
    """The engine of a name, or the one that is given.

    Args:
        engine: a registered name, or an engine with settings such as `Ray(...)`.

    Raises:
        LotteryError: no such engine.
    """
    if isinstance(engine, Engine):
        return engine
    if isinstance(engine, str) or not hasattr(engine, "as_engine"):
        return REGISTRY.get(engine)
    return engine.as_engine()
