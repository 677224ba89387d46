"""Several processes on one job: the same results as one, and an end with the first."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.experiments import engines
from lth_keras.experiments.engines import local
from lth_keras.experiments.tasks import Queue, Task
from lth_keras.runs import layout
from lth_keras.storage import files
from tests.support.places import EXAMPLES

SCRIPT = EXAMPLES / "lottery_search.py"
JOB = (
    "--trials=2",
    "--levels=2",
    "--iterations=60",
    "--evaluate_every=30",
    "--controls=random_reinit,continued,noise:sigma=2",
)

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(tmp_path) -> Start:
    """Starts the job as a user does, in a folder of its own for each output."""
    path = os.pathsep.join([str(SCRIPT.parents[1]), os.environ.get("PYTHONPATH", "")])

    def begin(output: str, count: int, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), *JOB, f"--output_dir={tmp_path / output}",
             f"--workers={count}", *arguments],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    return begin


def found(root: pathlib.Path) -> tuple[list[Any], list[str]]:
    """The result lines but for seconds, and the fingerprint of every ticket."""
    rows = [{**row, "seconds": 0} for row in files.read_jsonl(root / "results.jsonl")]
    paths = sorted(root.glob("**/ticket/manifest.json"))
    return rows, [lth.Ticket.load(str(path.parent)).fingerprint for path in paths]


def children(process: subprocess.Popen) -> list[int]:
    text = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


def runs(pid: int) -> bool:
    status = pathlib.Path(f"/proc/{pid}/stat")
    # A zombie has ended; who inherits it has not asked yet.
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def ends(pid: int) -> bool:
    """Whether a process ends within a minute."""
    for _ in range(600):
        if not runs(pid):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_two_workers_find_what_one_finds_also_after_a_kill(start: Start, tmp_path):
    one = start("one", 1)
    out, err = one.communicate(timeout=600)
    assert (one.returncode, err) == (0, "")
    assert "random_reinit (n=2)" in out

    killed = start("two", 2)
    for _ in range(8):  # the head line and seven finished runs
        killed.stdout.readline()
    others = children(killed)
    assert len(others) >= 2
    killed.kill()
    killed.wait()
    # Each ends when the first is gone, and lets go of what it held.
    assert all(ends(pid) for pid in others)
    rows, _ = found(tmp_path / "two")
    assert 0 < len(rows) < 18

    again = start("two", 2)
    out, err = again.communicate(timeout=600)
    assert (again.returncode, err) == (0, "")
    assert "of 18 runs are stored" in out
    assert found(tmp_path / "two") == found(tmp_path / "one")
    for trial in ("trial0", "trial1"):
        stored = files.read_jsonl(tmp_path / "two" / trial / "results.jsonl")
        assert len(stored) == 9


@pytest.mark.slow
def test_a_job_outlives_a_worker_that_is_killed(start: Start, tmp_path):
    one = start("one", 1)
    assert one.communicate(timeout=600)[1] == ""
    process = start("two", 2)
    for _ in range(3):  # the head line and two finished runs
        process.stdout.readline()
    line = "spawn_main"
    workers = [
        pid
        for pid in children(process)
        if line in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    ]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, "")
    (told,) = [line for line in out.splitlines() if "ended from outside" in line]
    assert "exit code -9" in told and told.endswith("it is begun again.")
    assert found(tmp_path / "two") == found(tmp_path / "one")


@pytest.mark.slow
def test_what_ends_a_search_in_a_worker_is_one_line(start: Start):
    process = start("diverged", 2, "--learning_rate=1e38")
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert "level 0" in line and "NaN at iteration" in line


@pytest.mark.slow
def test_control_c_ends_every_worker_without_a_word_of_theirs(start: Start):
    process = start("stopped", 2)
    for _ in range(3):
        process.stdout.readline()
    others = children(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    (line,) = err.splitlines()
    assert "stopped; finished runs are stored" in line
    assert all(ends(pid) for pid in others)


class Ended:
    """A process that somebody has killed."""

    exitcode = -9

    def join(self) -> None:
        pass


def worker(directory: layout.ExperimentDirectory) -> tuple[Any, Any, Queue]:
    """One that has been given a task, and the other end of its pipe."""
    ours, theirs = multiprocessing.Pipe()
    one, queue = local.Worker(Ended(), ours), Queue([Task(0)], directory)
    one.give(queue.take(None))
    assert theirs.recv() == Task(0)
    return one, theirs, queue


def test_results_are_handed_on_and_the_task_is_done_at_its_end(tmp_path):
    one, theirs, queue = worker(layout.ExperimentDirectory(str(tmp_path)))
    heard: list[Any] = []
    theirs.send(("result", {"level": 0}))
    local.hear(one, queue, lambda *told: heard.append(told))
    assert (heard, one.task, bool(queue)) == ([(Task(0), {"level": 0})], Task(0), True)
    theirs.send(("done", None))
    local.hear(one, queue, lambda *told: heard.append(told))
    assert (one.task, one.trial, bool(queue)) == (None, 0, False)


def test_a_failure_of_a_worker_is_a_failure_of_the_job(tmp_path):
    one, theirs, queue = worker(layout.ExperimentDirectory(str(tmp_path)))
    theirs.send(("refused", "no such thing"))
    with pytest.raises(LotteryError, match="no such thing"):
        local.hear(one, queue, print)
    theirs.send(("failed", "Traceback: x"))
    with pytest.raises(RuntimeError, match="Traceback: x"):
        local.hear(one, queue, print)
    theirs.close()
    with pytest.raises(local.WorkerLostError, match="exit code -9, which often means"):
        local.hear(one, queue, print)
    one.give(Task(0))  # That it is lost is heard, not raised here.


def test_a_worker_that_ends_before_it_reads_its_task_is_lost(tmp_path):
    one, theirs, queue = worker(layout.ExperimentDirectory(str(tmp_path)))
    one.connection.send("unread")
    theirs.close()
    with pytest.raises(local.WorkerLostError, match="exit code -9"):
        local.hear(one, queue, print)


class Dying:
    """Workers that end at their first task, as a full memory has it."""

    begun = 0

    def __init__(self, job: Any):
        Dying.begun += 1
        self.process = Ended()
        self.process.terminate = lambda: None
        ours, theirs = multiprocessing.Pipe()
        theirs.close()
        self.worker = local.Worker(self.process, ours)


def test_a_job_whose_workers_die_again_and_again_ends_in_one_line(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(local, "_started", lambda job: Dying(job).worker)
    directory = layout.ExperimentDirectory(str(tmp_path))
    told: list[str] = []
    job = engines.Job(
        Queue([Task(0)], directory), None, directory, 1, print, print, told.append
    )
    with pytest.raises(LotteryError, match="trial 0 was .* 4 times .*use fewer work"):
        local.carry_out(job)
    assert len(told) == 3 and Dying.begun == 4
    assert all(line.endswith("it is begun again.") for line in told)


def test_a_control_that_diverged_is_done_and_told(tmp_path):
    one, theirs, queue = worker(layout.ExperimentDirectory(str(tmp_path)))
    theirs.send(("diverged", "NaN"))
    assert local.hear(one, queue, print) == ["NaN"]
    assert not queue


# A user's script: without a guard, with functions of its own.
MINE = """
import pathlib, sys
import numpy as np
import tf_keras as keras, lth_keras as lth
from lth_keras.experiments import Experiment

with open("began", "a") as file:
    file.write("x")
rng = np.random.default_rng(0)
x = rng.normal(size=(40, 6)).astype("float32")
y = (x[:, 0] > 0).astype("int64")
# A worker that ran this would be too late to ask for a single thread.
keras.backend.constant(1.0) + 1.0

@lth.criteria.register("squares", needs=())
def squares(initial, trained, rng):
    return np.square(trained)

@lth.controls.register("halved")
def halved(search, case, seed):
    return lth.controls.parse("noise:sigma=0.5").apply(search, case, seed)

def make(units):
    def make_search(trial, directory):
        layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(2)]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model = lth.wrap(model, rate=0.3, criterion="squares")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, metrics=["accuracy"])
        search = lth.LotterySearch(model, 2, directory, trial=trial, seed=trial)
        return search, dict(x=x, y=y, batch_size=10, epochs=2, validation_data=(x, y))
    return make_search

workers = int(sys.argv[1])
Experiment(
    lambda *given: make(8)(*given),
    trials=2,
    controls=["halved", "random_reinit"],
    directory=f"workers{workers}",
).run(workers)
"""


@pytest.mark.slow
def test_a_script_of_ones_own_finds_the_same_with_any_number_of_workers(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    path = os.pathsep.join([str(SCRIPT.parents[1]), os.environ.get("PYTHONPATH", "")])
    for workers in (0, 1, 3):
        done = subprocess.run(
            [sys.executable, "mine.py", str(workers)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1 + 14
    expected = found(tmp_path / "workers1")
    assert len(expected[0]) == 14
    assert found(tmp_path / "workers3") == expected
    # Threads share no sum in a network as small as this.
    assert found(tmp_path / "workers0") == expected
    # No worker has run the script once more.
    assert (tmp_path / "began").read_text() == "xxx"
