"""Several runs at a time on one machine, each in a process with a single thread.

One thread per run makes the results the same for every number of workers, and wastes
no time on small layers, which many threads do not speed up.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.experiments.tasks import Queue, Task
from lth_keras.programs.options import Options
from lth_keras.programs.worker import work
from lth_keras.runs import layout


def carry_out(
    queue: Queue,
    options: Options,
    directory: layout.ExperimentDirectory,
    on_result: Callable[[dict[str, Any]], None],
) -> list[str]:
    """Carries out every task of a queue by up to `options.workers` processes.

    Args:
        queue: the tasks.
        options: the flags.
        directory: of the job, held by this process.
        on_result: called with each new result line.

    Returns:
        What was said of each control that diverged; the others are carried out.

    Raises:
        LotteryError: a run failed, as it would have in this process; or a worker
            was killed. The other workers are stopped, and finished runs are stored.
    """
    # A forked process would share locks, and TensorFlow's threads would be missing.
    context = multiprocessing.get_context("spawn")
    workers: list[Worker] = []
    diverged: list[str] = []
    try:
        for _ in range(min(options.workers, len(queue))):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=work, args=(theirs, options, directory.root), daemon=True
            )
            process.start()
            theirs.close()
            workers.append(Worker(process, ours))
        while queue:
            for worker in workers:
                if worker.task is None:
                    worker.give(queue.take(worker.trial))
            ready = multiprocessing.connection.wait([w.connection for w in workers])
            for worker in workers:
                if worker.connection in ready:
                    diverged += hear(worker, queue, on_result)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
    return diverged


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
        try:
            self.connection.send(task)
        except OSError:
            raise self.lost() from None

    def lost(self) -> LotteryError:
        """What to say of a process that has ended by itself."""
        self.process.join()
        return LotteryError(
            f"a worker was ended from outside (exit code {self.process.exitcode}; "
            "-9 often means that memory ran out): use fewer --workers; the same "
            "command goes on."
        )


def hear(
    worker: Worker, queue: Queue, on_result: Callable[[dict[str, Any]], None]
) -> list[str]:
    """Takes one message of a worker: a result line, the end of a task, or a failure.

    Returns:
        What was said of a control that diverged, if it was that.
    """
    try:
        kind, content = worker.connection.recv()
    except (EOFError, OSError):
        raise worker.lost() from None
    assert worker.task is not None
    if kind == "result":
        queue.begin(worker.task)
        on_result(content)
    elif kind in ("done", "diverged"):
        queue.finish(worker.task)
        worker.task = None
        return [content] if kind == "diverged" else []
    elif kind == "refused":
        raise LotteryError(content)
    else:
        raise RuntimeError(f"a worker failed:\n{content}")
    return []
