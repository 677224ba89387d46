"""The program behind `killing.Jobs`: forks a job for every line that it reads.

    python -m tests.support.forking LOG

Linux alone: it adopts what a killed job leaves running, to see it end.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import multiprocessing
import os
import pathlib
import signal
import sys
import time
import traceback
from multiprocessing import forkserver, resource_tracker
from typing import Any

from tests.support.acts import Acts
from tests.support.kill_jobs import JOBS

_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_PATIENCE = 600  # seconds that a job, or what a killed one has left, may take
# What a job imports, all but what starts TensorFlow.
_LIBRARY = ("lth_keras.experiments.trials", "tests.support.small_search")
_PROGRAM = ("lth_keras.programs.searching", "sklearn.datasets", "matplotlib.pyplot")


def main() -> None:
    """Answers each request of the standard input with a line on the standard output."""
    log = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1)
    for line in sys.stdin:
        answer = _carry_out(log, **json.loads(line))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _carry_out(
    log: str,
    job: str,
    directory: str,
    act: int | None,
    delay: float | None,
    whom: str,
) -> dict[str, Any]:
    _import(_LIBRARY + (_PROGRAM if job.startswith("program") else ()))
    if job.endswith("_workers"):
        _start_forkserver()
    receive, send = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        _become(job, directory, act, log, send)
    os.close(send)
    status = _follow(pid, began, delay, whom)
    seconds = time.monotonic() - began
    with os.fdopen(receive) as pipe:
        told = json.loads(pipe.read() or '{"acts": null, "first": null}')
    return {"status": status, "seconds": seconds, **told}


def _become(job: str, directory: str, act: int | None, log: str, send: int) -> None:
    """The life of a job's process."""
    code = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        acts = Acts(directory, act)
        JOBS[job](directory)
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
            told = json.dumps({"acts": acts.count, "first": acts.first})
            os.write(send, told.encode())
        os._exit(code)


def _follow(pid: int, began: float, delay: float | None, whom: str) -> int:
    """The exit code of a job that is killed after a delay, if it lasts as long."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            break
        if delay is not None and time.monotonic() - began >= delay:
            if _kill(pid, whom):
                delay = None
        if time.monotonic() - began > _PATIENCE:
            _kill(pid, "all")
            raise TimeoutError(f"job {pid} does not end")
        time.sleep(0.002)
    _see_end(pid)
    return os.waitstatus_to_exitcode(status)


def _kill(pid: int, whom: str) -> bool:
    """Kills the job, one of its workers, or all; False if it has no worker yet."""
    workers = _workers(pid)
    if whom == "worker" and not workers:
        return False
    chosen = {"job": [pid], "worker": workers[-1:], "all": [pid, *workers]}[whom]
    for each in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    return True


def _see_end(pid: int) -> None:
    """Waits until nothing of a job is left: its workers end by themselves."""
    last = time.monotonic() + _PATIENCE
    while time.monotonic() < last:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-pid, os.WNOHANG)[0]:
                pass
        if not _workers(pid) and not _in_group(pid):
            return
        time.sleep(0.002)
    raise TimeoutError(f"something of job {pid} still runs: {_workers(pid)}")


def _in_group(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _workers(pid: int) -> list[int]:
    """The processes that a job has started, by fork or anew."""
    server = forkserver._forkserver._forkserver_pid
    found: list[int] = []
    for parent in (pid, server):
        place = pathlib.Path(f"/proc/{parent}/task/{parent}/children")
        with contextlib.suppress(OSError):
            found += map(int, place.read_text().split())
    return found


@functools.cache
def _import(names: tuple[str, ...]) -> None:
    from lth_keras.experiments import quiet

    with quiet.quiet_import():
        for name in names:
            __import__(name)


@functools.cache
def _start_forkserver() -> None:
    """Lets workers be forks of a process that has imported what they need.

    The engine starts each by `spawn`, since its own process has started TensorFlow;
    that would take seconds, and shows the same.
    """
    resource_tracker.ensure_running()
    multiprocessing.set_forkserver_preload([*_LIBRARY, *_PROGRAM])
    forkserver.ensure_running()
    # Not a child of a job's process, which cannot look after it.
    os.register_at_fork(after_in_child=_use_forkserver)


def _use_forkserver() -> None:
    forkserver._forkserver.ensure_running = lambda: None
    context = multiprocessing.get_context("forkserver")
    multiprocessing.get_context = lambda method=None: context


if __name__ == "__main__":
    main()
