"""What a task of Ray does on a node of its cluster: one task of the job.

Ray keeps its processes, and with them TensorFlow, the data and the last model stay.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lth_keras.errors import LotteryError
from lth_keras.experiments import quiet
from lth_keras.experiments.engines import ray_cluster, threads
from lth_keras.runs import layout, result_files
from lth_keras.storage import locks, paths
from lth_keras.version import __version__

if TYPE_CHECKING:
    from lth_keras.experiments.tasks import Task
    from lth_keras.experiments.trials import Trials

# Of the environment of who began the job: they decide how is computed.
VARIABLES = ("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS")
# Seconds until the lock of a process that is gone is free: a lease has to lapse, and
# so has what a server of files holds for a machine that does not answer.
_FREE_WITHIN = 300


@dataclasses.dataclass(frozen=True)
class Given:
    """What every task of a job is given.

    Attributes:
        key: of the job, by which a process knows what it has made.
        packed: in a list, a reference to the function that makes a search.
        levels: the last level of every search.
        root: directory of the job.
        version: of this package where the job was begun.
        variables: of the environment there.
        shares_gpu: whether several tasks are on one GPU.
    """

    key: str
    packed: list[Any]
    levels: int | None
    root: str
    version: str
    variables: Mapping[str, str]
    shares_gpu: bool


class Told(NamedTuple):
    """What comes back.

    Attributes:
        kind: "done", "diverged", "refused" or "failed".
        text: what was said of it, for all but the first.
        rows: result lines of the task's runs, those of earlier attempts too.
        lines: what there is to tell of a line between two runs.
    """

    kind: str
    text: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    lines: tuple[dict[str, Any], ...] = ()


# What this process has made, by the job's key.
_made: dict[str, Trials] = {}


def carry_out(given: Given, task: Task) -> Told:
    """Carries out a task; whatever happens comes back and is not raised."""
    try:
        trials = _trials(given)
        directory = layout.ExperimentDirectory(given.root)
        lines: list[dict[str, Any]] = []

        def on_result(row: dict[str, Any]) -> None:
            if "line" in row:
                lines.append(row)

        root = directory.trial(task.trial).root
        diverged = _when_free(lambda: trials.carry_out(task, root, on_result))
        kept = tuple(
            result_files.row(place)
            for place in places(directory, task, trials.levels)
            if paths.exists(place.result)
        )
        kind = "diverged" if diverged else "done"
        return Told(kind, diverged or "", kept, tuple(lines))
    except LotteryError as error:
        return Told("refused", str(error))
    except Exception:
        return Told("failed", traceback.format_exc())


def places(
    directory: layout.ExperimentDirectory, task: Task, levels: int | None
) -> list[layout.LevelDirectory]:
    """Where the runs of a task are stored, in their order; none for a line."""
    if task.children is not None:
        return []
    trial = directory.trial(task.trial)
    if not task.control:
        return [trial.level(level) for level in range((levels or 0) + 1)]
    # TensorFlow is imported when a process has silenced it.
    from lth_keras.controls import syntax

    key = syntax.parse(task.control).key
    return [trial.control(key, task.level, task.replicate)]


def _when_free(act: Any) -> Any:
    """Does what needs a lock that a process which is gone may still hold."""
    until = time.monotonic() + _FREE_WITHIN
    while True:
        try:
            return act()
        except locks.InUseError:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def _trials(given: Given) -> Trials:
    if given.key in _made:
        return _made[given.key]
    _check(given)
    os.environ.update(given.variables)
    with quiet.quiet_import():
        from lth_keras.experiments import sending
        from lth_keras.experiments.trials import Trials
    threads.use_one_thread()
    if given.shares_gpu:
        _share_gpu()
    packed = ray_cluster.imported().get(given.packed[0])
    try:
        function = sending.unpack(packed)
    except ModuleNotFoundError as error:
        raise LotteryError(
            f"{socket.gethostname()} has no module {error.name!r}, which make_search "
            "is from: install it on every node, or begin with ray.init(runtime_env="
            "{'working_dir': '.'})."
        ) from None
    _made.clear()  # Two jobs' data may be too large.
    _made[given.key] = Trials(function, given.levels)
    return _made[given.key]


def _check(given: Given) -> None:
    """Refuses a node that is not as the one where the job was begun."""
    host = socket.gethostname()
    if given.version != __version__:
        raise LotteryError(
            f"{host} has lth_keras {__version__}, and the job was begun with "
            f"{given.version}: install one version on every node."
        )
    held = locks.lock_file(given.root), layout.ExperimentDirectory(given.root).job_root
    if not any(map(paths.exists, held)):
        raise LotteryError(
            f"{host} does not see {given.root} of the machine where the job was begun: "
            "name a directory that every node shares, or one in gs://."
        )


def _share_gpu() -> None:
    """Takes of a GPU's memory what is needed, not all of it."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
