"""This machine: in this process, or in several with a single thread each.

One thread per run makes the results the same for every number of workers, and wastes
no time on small layers, which many threads do not speed up.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import sys
import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lth_keras.errors import LotteryError
from lth_keras.experiments.engines.losses import Losses
from lth_keras.experiments.engines.registry import Job, register
from lth_keras.experiments.engines.worker import work

if TYPE_CHECKING:
    from lth_keras.experiments.tasks import Queue, Task
    from lth_keras.experiments.trials import Trials


def _check(workers: int, trials: Trials) -> None:
    """Refuses, where there are workers, a function that cannot be sent to them."""
    if workers:
        _ = trials.packed


@register("local", check=_check)
def carry_out(job: Job) -> list[str]:
    """Carries out every task of a queue, in this process or by `job.workers` others.

    Args:
        job: the tasks, and all that it takes to carry them out.

    Returns:
        What was said of each control that diverged; the others are carried out.

    Raises:
        LotteryError: a run failed, or was cut short again and again, as by a lack of
            memory. The other workers are stopped, and finished runs are stored.
    """
    if job.workers:
        return _by_workers(job)
    return [said for task in job.queue.in_order() for said in job.carry_out(task)]


def _by_workers(job: Job) -> list[str]:
    queue, losses = job.queue, Losses("use fewer workers")
    workers: list[Worker] = []
    diverged: list[str] = []

    def on_result(task: Task, row: dict[str, Any]) -> None:
        losses.progressed(task)
        job.on_result(row)

    try:
        workers += [_started(job) for _ in range(min(job.workers, len(queue)))]
        while queue:
            for worker in workers:
                if worker.task is None:
                    worker.give(queue.take(worker.trial))
            ready = multiprocessing.connection.wait([w.connection for w in workers])
            for place, worker in enumerate(workers):
                if worker.connection not in ready:
                    continue
                try:
                    diverged += hear(worker, queue, on_result)
                except WorkerLostError as error:
                    if worker.task is not None:
                        job.tell(losses.lost(worker.task, str(error)))
                        queue.again(worker.task)
                    workers[place] = _started(job)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
    return diverged


def _started(job: Job) -> Worker:
    # A forked process would share locks, and TensorFlow's threads would be missing.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    given = theirs, job.trials.packed, job.trials.levels, job.directory.root
    process = context.Process(target=work, args=given, daemon=True)
    with _without_main():
        process.start()
    theirs.close()
    return Worker(process, ours)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Lets a process begin without running the user's script once more.

    It needs nothing of it, since `packed` holds what the script has defined; and it
    would compute, and start processes, before it has been given a single thread.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class WorkerLostError(Exception):
    """A process has ended by itself, or was killed; says what is known of it."""


class Worker:
    """A process, and what it is doing."""

    def __init__(self, process: Any, connection: Any):
        self.process, self.connection = process, connection
        self.task: Task | None = None
        self.trial: int | None = None

    def give(self, task: Task | None) -> None:
        """Hands it a task, if there is one."""
        if task is None:
            return
        self.task, self.trial = task, task.trial
        # That it has ended is heard when it is listened to.
        with contextlib.suppress(OSError):
            self.connection.send(task)

    def lost(self) -> WorkerLostError:
        """What to say of a process that has ended by itself."""
        self.process.join()
        code = self.process.exitcode
        memory = ", which often means that memory ran out" if code == -9 else ""
        return WorkerLostError(f"exit code {code}{memory}")


def hear(
    worker: Worker, queue: Queue, on_result: Callable[[Task, dict[str, Any]], None]
) -> list[str]:
    """Takes one message of a worker: a result line, the end of a task, or a failure.

    Returns:
        What was said of a control that diverged, if it was that.

    Raises:
        WorkerLostError: the process has ended.
        LotteryError: what it was at cannot be carried out.
    """
    try:
        kind, content = worker.connection.recv()
    except (EOFError, OSError):
        raise worker.lost() from None
    if kind == "failed":
        raise RuntimeError(f"a worker failed:\n{content}")
    if kind == "refused":
        raise LotteryError(content)
    assert worker.task is not None
    if kind == "result":
        queue.begin(worker.task)
        on_result(worker.task, content)
        return []
    queue.finish(worker.task)
    worker.task = None
    return [content] if kind == "diverged" else []
