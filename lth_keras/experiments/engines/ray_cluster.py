"""Ray itself: found, connected to, kept quiet, and what its errors mean."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

from lth_keras.errors import LotteryError

# Seconds that tasks are given to end when a job is stopped.
_END_WITHIN = 30
# What Ray would print when it begins a cluster of its own.
_QUIET = {"RAY_USAGE_STATS_PROMPT_ENABLED": "0"}


def imported() -> Any:
    """The module `ray`.

    Raises:
        LotteryError: it is not installed.
    """
    try:
        import ray
    except ImportError:
        raise LotteryError(
            "engine='ray' needs Ray: pip install ray, or this package with its 'ray' "
            "extra, here and on every node."
        ) from None
    return ray


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module `ray`, connected to a cluster; a connection of the user's is kept.

    Args:
        address: as `lth.engines.Ray` takes it.

    Raises:
        LotteryError: there is no such cluster.
    """
    ray = imported()
    with _only_ours():
        if ray.is_initialized():
            yield ray
            return
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Of Ray, of its addresses, of the network below.
            reason = " ".join(str(error).split())[:200]
            raise LotteryError(
                f"no cluster of Ray at address={address!r} ({reason}): begin one with "
                "`ray start --head`, name its HOST:PORT, or use 'local'."
            ) from None
        try:
            yield ray
        finally:
            # It prints what it had kept back of messages that came twice.
            kept = io.StringIO()
            with contextlib.redirect_stdout(kept), contextlib.redirect_stderr(kept):
                ray.shutdown()


def end(ray: Any, references: list[Any]) -> None:
    """Ends tasks that are running or waiting; returns when they have ended."""
    if not references:
        return
    for reference in references:
        ray.cancel(reference, force=True)
    ray.wait(references, num_returns=len(references), timeout=_END_WITHIN)


def lacking(ray: Any, num_gpus: float, memory: int | None) -> str:
    """What to tell of a cluster where no node has what a run needs; "" of another.

    A node that has may join, as one of an autoscaler does when it is asked for.
    """
    asked = {"CPU": 1, "GPU": num_gpus, "memory": memory or 0}
    for node in ray.nodes():
        has = node["Resources"] if node["Alive"] else {}
        if all(has.get(name, 0) >= amount for name, amount in asked.items()):
            return ""
    needs = ", ".join(f"{name} {n:,}" for name, n in asked.items() if n)
    return f"no node of the cluster has {needs}: the runs wait until one joins."


def reason_of(ray: Any, error: Exception) -> str:
    """Why a task was cut short, in a few words.

    Raises:
        LotteryError: it was not, but can be carried out nowhere.
    """
    known = ray.exceptions
    for kind, reason in (
        (known.OutOfMemoryError, "its node had no memory left"),
        (known.NodeDiedError, "its node is gone"),
        (known.WorkerCrashedError, "its process was killed"),
        (known.LocalRayletDiedError, "its node is gone"),
        (known.ObjectLostError, "its node is gone"),
    ):
        if isinstance(error, kind):
            return reason
    said = " ".join(str(error).split())[:300]
    raise LotteryError(f"Ray cannot carry it out ({type(error).__name__}): {said}")


@contextlib.contextmanager
def _only_ours() -> Iterator[None]:
    """Leaves out what threads of Ray print, such as a lost node's log."""
    streams = {name: _Ours(getattr(sys, name)) for name in ("stdout", "stderr")}
    with (
        contextlib.redirect_stdout(streams["stdout"]),
        contextlib.redirect_stderr(streams["stderr"]),
    ):
        yield


class _Ours:
    """A stream that hears nothing of threads that Ray has begun."""

    def __init__(self, stream: Any):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return int(self._stream.write(text) or 0)
