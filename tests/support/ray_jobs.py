"""A small experiment on a cluster of Ray of two nodes, one of which may be lost.

Run in a process of its own: Ray begins servers, and a process has one cluster.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import lth_keras as lth
from lth_keras.storage import files
from tests.support import small_search as small

# Processes of Ray are nicer than others by default, and get nothing of a busy machine.
QUICK = {"RAY_worker_niceness": "0"}
EPOCHS = 40


@contextlib.contextmanager
def cluster() -> Iterator[Any]:
    """Two nodes of one CPU each; yields the cluster and its second node."""
    from ray.cluster_utils import Cluster

    os.environ.update(QUICK)
    # Names of sockets are short, and those of a test's own folder are not.
    with tempfile.TemporaryDirectory(prefix="lth_ray_") as place:
        # By "temp_dir" it would still write its address into a /tmp/ray of others.
        os.environ["RAY_TMPDIR"] = place
        room = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
        made = Cluster(True, head_node_args=room)
        try:
            yield made, made.add_node(**room)
        finally:
            made.shutdown()


def experiment(directory: str) -> lth.Experiment:
    """Two trials of two pruned levels, and a control of each."""

    def make_search(trial: int, directory: str) -> Any:
        model = small.compiled(small.dense_model(seed=trial))
        search = lth.LotterySearch(model, 2, directory, trial=trial, seed=trial)
        given = {"x": small.X, "y": small.Y, "batch_size": small.BATCH}
        return search, {**given, "epochs": EPOCHS}

    return lth.Experiment(make_search, 2, "random_reinit", directory)


def found(directory: str) -> tuple[list[Any], list[str]]:
    """The result lines but for seconds, and the fingerprint of every ticket."""
    root = pathlib.Path(directory)
    lines = files.read_jsonl(root / "results.jsonl")
    return [{**row, "seconds": 0} for row in lines], small.fingerprints(root)


def kill_one() -> None:
    """Kills a process that carries out a task, as a lack of memory does."""
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"ray::carry_out" in (place / "cmdline").read_bytes():
                os.kill(int(place.name), signal.SIGKILL)
                return
    raise AssertionError("no task of Ray is being carried out")


def run(lose: str) -> None:
    """Runs the experiment on a cluster, and compares it with one worker's.

    Args:
        lose: "node" or "process" when the first pruned level is stored.
    """
    with cluster() as (made, second):
        stored = threading.Event()

        def watch() -> None:
            level = pathlib.Path("ray/trial0/level01/result.json")
            other = pathlib.Path("ray/trial1/level01/result.json")
            while not (level.exists() or other.exists()):
                if stored.wait(0.02):
                    return
            if lose == "node":
                made.remove_node(second, allow_graceful=False)
            else:
                kill_one()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            engine = lth.engines.Ray(address=made.address)
            experiment("ray").run(engine=engine)
        finally:
            stored.set()
            watcher.join()
    experiment("one").run(workers=1)
    rows, tickets = found("ray")
    assert len(rows) == 10 and len(tickets) == 10
    assert (rows, tickets) == found("one")


def lose_a_node() -> None:
    """`run`, for a process of its own."""
    run("node")


def lose_a_process() -> None:
    """`run`, for a process of its own."""
    run("process")
