"""Clusters of two workers on this machine, some of which are killed.

Every worker is a fork of one process that has imported everything and started nothing
of TensorFlow's, so that it begins in a moment.

    with Clusters() as clusters:
        found = clusters.run(tmp_path / "run", kill=(0, "1.3"))
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Any

from tests.support.places import ROOT

WORKERS = 2
_LONGEST = 300.0  # seconds until a cluster that does not end is killed


@dataclasses.dataclass(frozen=True)
class Ended:
    """How the workers ended.

    Attributes:
        status: of each, its exit code, or minus the signal that ended it.
        said: of each, its lines, those that say where it is left out.
        after: seconds from the kill to the end of the last one, or None.
    """

    status: list[int]
    said: list[list[str]]
    after: float | None


class Clusters:
    """The process of which every worker is a fork."""

    def __enter__(self) -> Clusters:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.clusters"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def run(
        self,
        directory: pathlib.Path,
        kind: str = "multiworker",
        kill: tuple[int, str] | None = None,
    ) -> Ended:
        """Runs the job of `cluster_jobs` to its end.

        Args:
            directory: of the search.
            kind: "multiworker", by two workers; or "mirrored", by one process.
            kill: which worker is killed, and at which place that it says.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {"directory": str(directory), "kind": kind, "kill": kill}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process of which workers are forks has ended"
        return Ended(**json.loads(answer))


def _free_addresses(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in found]


def _fork(directory: str, kind: str, config: dict[str, Any] | None) -> tuple[int, int]:
    """A worker: its number, and what it says."""
    reading, writing = os.pipe()
    number = os.fork()
    if number:
        os.close(writing)
        return number, reading
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    if config is not None:
        os.environ["TF_CONFIG"] = json.dumps(config)
    from tests.support import cluster_jobs

    cluster_jobs.end(directory, kind)
    raise AssertionError  # which has ended the process


def _carry_out(directory: str, kind: str, kill: list[Any] | None) -> dict[str, Any]:
    addresses = _free_addresses(WORKERS if kind == "multiworker" else 0)
    tasks: list[dict[str, Any] | None] = [
        {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        for index in range(len(addresses))
    ]
    workers = [_fork(directory, kind, config) for config in tasks or [None]]
    selector = selectors.DefaultSelector()
    said: list[bytes] = []
    for index, (_, reading) in enumerate(workers):
        selector.register(reading, selectors.EVENT_READ, index)
        said.append(b"")
    killed, end = None, time.monotonic() + _LONGEST
    while selector.get_map():
        for key, _ in selector.select(1.0):
            part = os.read(key.fd, 1 << 16)
            said[key.data] += part
            if not part:
                selector.unregister(key.fd)
                os.close(key.fd)
            if kill and killed is None and key.data == kill[0]:
                if f"at {kill[1]}\n".encode() in said[key.data]:
                    os.kill(workers[kill[0]][0], signal.SIGKILL)
                    killed = time.monotonic()
        if time.monotonic() > end:
            for number, _ in workers:
                os.kill(number, signal.SIGKILL)
    selector.close()
    statuses = [os.waitstatus_to_exitcode(os.waitpid(n, 0)[1]) for n, _ in workers]
    return {
        "status": statuses,
        "said": [
            [line for line in text.decode().splitlines() if not line.startswith("at ")]
            for text in said
        ],
        "after": None if killed is None else time.monotonic() - killed,
    }


if __name__ == "__main__":
    # What workers are to have imported.
    import tests.support.cluster_jobs  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(_carry_out(**json.loads(line))), flush=True)
