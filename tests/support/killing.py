"""Jobs in processes of their own, killed at their n-th act on the disk or after a time.

Each is a fork of one process that has imported everything and started nothing of
TensorFlow's, so that a job begins in a moment; a job's workers are forks of another.

    with Jobs(folder) as jobs:
        whole = jobs.run("library", folder / "whole")
        jobs.run("library", folder / "killed", act=whole.acts // 2)
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

from tests.support.places import ROOT


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        status: exit code, or minus the signal that ended it.
        acts: what it did to files, up to its end; None if it was killed.
        first: seconds until its first act.
        seconds: until its end.
        said: what it wrote on standard output and error.
    """

    status: int
    acts: int | None
    first: float
    seconds: float
    said: str


class Jobs:
    """The process of which every job is a fork.

    Args:
        folder: for what the jobs print.
    """

    def __init__(self, folder: pathlib.Path):
        self._log = folder / "said.txt"
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forking", str(self._log)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def run(
        self,
        job: str,
        directory: pathlib.Path,
        act: int | None = None,
        delay: float | None = None,
        whom: str = "job",
    ) -> Ended:
        """Carries out a job, to its end or until it is killed.

        Args:
            job: name of one of `kill_jobs.JOBS`.
            directory: that the job is given.
            act: the job is killed before it does this to a file, from 1; in the midst
                of it, where that is a line added to a file.
            delay: seconds after which something is killed.
            whom: what is killed then: the "job", one "worker" of it, or "all".
        """
        request = {"job": job, "directory": str(directory), "act": act}
        answer = self._ask({**request, "delay": delay, "whom": whom})
        said = self._log.read_text(errors="replace") if self._log.exists() else ""
        return Ended(said=said, **answer)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process of the jobs has ended"
        return json.loads(answer)
