"""A cluster of Ray, whose nodes share the directory: one core task of Ray a task.

    engine = lth.engines.Ray(address="auto", num_gpus=1)
    lth.Experiment(...).run(engine=engine)

Which task may be next is the job's queue's to say, as on one machine. Ray finds a
place for it, and says when a process or a node is gone.
"""

from __future__ import annotations

import dataclasses
import os
import uuid
from typing import TYPE_CHECKING, Any

from lth_keras.arguments import count, number, text
from lth_keras.errors import LotteryError, shown
from lth_keras.experiments.engines import ray_cluster, ray_task
from lth_keras.experiments.engines.following import Followed
from lth_keras.experiments.engines.losses import Losses
from lth_keras.experiments.engines.registry import REGISTRY, Engine, Job
from lth_keras.storage import paths
from lth_keras.version import __version__

if TYPE_CHECKING:
    from lth_keras.experiments.tasks import Task
    from lth_keras.experiments.trials import Trials

# Seconds between two looks into the directory; in an object store each is a request.
_LOOKS = {False: 0.5, True: 5.0}
_MOST_GPUS = 1024
_MOST_BYTES = 2**50


@dataclasses.dataclass(frozen=True)
class Ray:
    """The engine that carries out runs as tasks of a Ray cluster.

    The nodes share the experiment's directory (a network disk, or gs://) and have this
    package installed. Each run has one CPU and one thread, so that the results are
    those of any number of `workers`. What is cut short, as a node is lost or a process
    killed, is begun again where it had got to; Ray itself does not repeat it, since it
    would count what was lost over days together with what is lost for ever.

    Args:
        address: "auto" for the cluster that this machine is a node of, "HOST:PORT" of
            its head, "ray://HOST:10001" from outside, or "local" for one that is
            begun here and ends with the job. Where `ray.init` has been called, it is
            that cluster.
        num_gpus: GPUs of each run; of 0.5 two share one.
        memory: bytes that each run is given room for, None for what there is.

    Raises:
        LotteryError: an argument is out of range.
    """

    address: str = "auto"
    num_gpus: float = 0
    memory: int | None = None

    def __post_init__(self) -> None:
        text("address", self.address, "auto, local or HOST:PORT")
        gpus = number(self.num_gpus)
        if not 0 <= gpus <= _MOST_GPUS or (gpus > 1 and gpus != round(gpus)):
            raise LotteryError(
                f"num_gpus={shown(self.num_gpus)}: give 0 to 1, or a whole number up "
                f"to {_MOST_GPUS}."
            )
        if self.memory is not None:
            count("memory", self.memory, 1, "bytes for each run", _MOST_BYTES)

    def as_engine(self) -> Engine:
        """The engine with these settings."""
        return Engine(self._carry_out, self._check, elsewhere=True)

    def require(self) -> None:
        """Refuses a machine without Ray, before data are read.

        Raises:
            LotteryError: says what to install.
        """
        ray_cluster.imported()

    def _check(self, workers: int, trials: Trials) -> None:
        self.require()
        _ = trials.packed

    def _carry_out(self, job: Job) -> list[str]:
        with ray_cluster.connected(self.address) as ray:
            run = ray.remote(
                num_cpus=1,
                num_gpus=self.num_gpus or None,
                memory=self.memory,
                max_retries=0,
            )(ray_task.carry_out)
            given = ray_task.Given(
                uuid.uuid4().hex,
                [ray.put(job.trials.packed)],
                job.trials.levels,
                _everywhere(job.directory.root),
                __version__,
                {n: os.environ[n] for n in ray_task.VARIABLES if n in os.environ},
                0 < self.num_gpus < 1,
            )
            if lacking := ray_cluster.lacking(ray, self.num_gpus, self.memory):
                job.tell(lacking)
            return _Driver(ray, job, run, given).carry_out()


REGISTRY.add("ray", Ray().as_engine())


def _everywhere(root: str) -> str:
    """The directory as processes with another working folder name it."""
    return root if paths.is_remote(root) else os.path.abspath(root)


class _Driver:
    """Hands out a job's tasks, and follows them."""

    def __init__(self, ray: Any, job: Job, run: Any, given: ray_task.Given):
        self._ray, self._job, self._run, self._given = ray, job, run, given
        self._running: dict[Any, Task] = {}
        self._followed: dict[Task, Followed] = {}
        self._losses = Losses("look into `ray status`, or ask for more memory a run")
        self._look = _LOOKS[paths.is_remote(job.directory.root)]

    def carry_out(self) -> list[str]:
        """Carries out every task; returns what was said of controls that diverged."""
        diverged: list[str] = []
        try:
            while self._job.queue:
                self._give()
                running = list(self._running)
                done, _ = self._ray.wait(running, timeout=self._look)
                for task in self._running.values():
                    self._hear(task, self._followed[task].news())
                for reference in done:
                    diverged += self._end(reference, self._running.pop(reference))
        finally:
            ray_cluster.end(self._ray, list(self._running))
        for followed in self._followed.values():
            followed.wait()
        return diverged

    def _give(self) -> None:
        job = self._job
        while not job.workers or len(self._running) < job.workers:
            task = job.queue.take(None)
            if task is None:
                return
            if task not in self._followed:
                places = ray_task.places(job.directory, task, job.trials.levels)
                self._followed[task] = Followed(places)
            self._running[self._run.remote(self._given, task)] = task

    def _hear(self, task: Task, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self._losses.progressed(task)
            self._job.queue.begin(task)
            self._job.on_result(row)

    def _end(self, reference: Any, task: Task) -> list[str]:
        try:
            told: ray_task.Told = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            reason = ray_cluster.reason_of(self._ray, error)
            self._job.tell(self._losses.lost(task, reason))
            self._job.queue.again(task)
            return []
        if told.kind == "refused":
            raise LotteryError(told.text)
        if told.kind == "failed":
            raise RuntimeError(f"a task of Ray failed:\n{told.text}")
        self._hear(task, self._followed[task].told(told.rows))
        for line in told.lines:
            self._job.on_result(line)
        self._job.queue.finish(task)
        return [told.text] if told.kind == "diverged" else []
