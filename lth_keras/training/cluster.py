"""The workers of a `MultiWorkerMirroredStrategy`, as the group that storage asks.

    with cluster.joined(model):
        ...   # the chief writes, and what is there is what the chief sees

What they tell each other goes through the strategy's own sums. A worker that is gone is
noticed by its address, which answers no more: the others end in one line.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.storage import sharing

LOST = (
    "a worker was lost; start all again: they go on from what is stored, and end as "
    "though nothing had happened."
)
_LOST_STATUS = 1  # of the process, as for every request that could not be carried out
_AT_ONCE = 256  # bytes of a message that go along with its length
_LOOKS_EVERY = 2.0  # seconds
_ANSWERS_WITHIN = 5.0  # seconds
_MISSES = 3  # looks in a row without an answer


@contextlib.contextmanager
def joined(of: Any) -> Iterator[None]:
    """Takes part in what the workers of a strategy do together, for a block.

    Of other strategies, of a single worker, and within such a block, it does nothing.

    Args:
        of: a strategy, or a model that was made in the scope of one.

    Raises:
        LotteryError: another worker ended, or reported what went wrong there.
    """
    strategy = getattr(of, "distribute_strategy", of)
    if sharing.is_joined() or not is_cluster(strategy):
        yield
        return
    others = _others(strategy)
    with _watched(others):
        try:
            with sharing.joined(Workers(strategy)):
                yield
                sharing.chiefs(lambda: None)  # Nobody leaves before all are done.
        except tf.errors.OpError as error:
            if _all_answer(others):
                raise
            raise LotteryError(LOST) from error


def is_cluster(strategy: Any) -> bool:
    """Whether a strategy has several workers, each a process."""
    resolver = getattr(strategy, "cluster_resolver", None)
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    return len(_addresses(resolver)) > 1


class Workers(sharing.Group):
    """All workers of a strategy; see `sharing.Group`.

    Args:
        strategy: of several workers.
    """

    def __init__(self, strategy: Any):
        self._strategy = strategy
        self.chief = bool(strategy.extended.should_checkpoint)
        self._local = len(strategy.extended.worker_devices)
        self._sum = tf.function(
            lambda rows: strategy.reduce("SUM", rows, axis=None), autograph=False
        )

    def exchange(self, text: str) -> list[str]:
        said = np.frombuffer(text.encode(), np.uint8)
        sizes, found = self._row(said[:_AT_ONCE], _AT_ONCE, len(said))
        room = _AT_ONCE
        while room < sizes.max():
            room *= 2  # Of few sizes, since each is traced.
        if room > _AT_ONCE:
            _, found = self._row(said, room, len(said))
        return [
            bytes(found[n, : sizes[n]]).decode()
            for n in range(0, len(found), self._local)
        ]

    def _row(
        self, said: np.ndarray, room: int, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The sizes and the bytes that all say, in rows of as much room."""
        row = np.zeros(1 + room, np.int32)
        row[0], row[1 : 1 + len(said)] = size, said
        found = self._gathered(row)
        return found[:, 0], found[:, 1:].astype(np.uint8)

    def _gathered(self, row: np.ndarray) -> np.ndarray:
        """The rows of all replicas: those of a worker's first one, zeros of others."""
        replicas = self._strategy.num_replicas_in_sync
        first = True

        def of_replica(context: Any) -> Any:
            nonlocal first
            rows = np.zeros((replicas, len(row)), np.int32)
            if first:
                rows[context.replica_id_in_sync_group] = row
                first = False
            return tf.constant(rows)

        values = self._strategy.experimental_distribute_values_from_function(of_replica)
        return np.asarray(self._sum(values))


def _addresses(resolver: Any) -> list[str]:
    cluster = {} if resolver is None else resolver.cluster_spec().as_dict()
    return [
        address for task in ("chief", "worker") for address in cluster.get(task, [])
    ]


def _others(strategy: Any) -> list[tuple[str, int]]:
    """Host and port of every worker but this one."""
    resolver = strategy.cluster_resolver
    own = resolver.cluster_spec().task_address(resolver.task_type, resolver.task_id)
    found = []
    for address in _addresses(resolver):
        if address != own:
            host, _, port = address.rpartition(":")
            found.append((host, int(port)))
    return found


def _answers(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, _ANSWERS_WITHIN).close()
    except OSError:
        return False
    return True


def _all_answer(others: list[tuple[str, int]]) -> bool:
    # The error of a step may come before the worker's address is closed.
    for _ in range(_MISSES):
        if not all(map(_answers, others)):
            return False
        time.sleep(_LOOKS_EVERY)
    return True


@contextlib.contextmanager
def _watched(others: list[tuple[str, int]]) -> Iterator[None]:
    """Ends this process when another worker is gone, whatever it waits for.

    A sum that waits for a lost worker is in TensorFlow, where no error of Python's
    reaches it; and it may wait for ever.
    """
    over = threading.Event()

    def watch() -> None:
        missed = 0
        while not over.wait(_LOOKS_EVERY):
            missed = 0 if all(map(_answers, others)) else missed + 1
            if missed >= _MISSES and not over.is_set():
                sys.stdout.flush()
                sys.stderr.write(f"{LOST}\n")
                sys.stderr.flush()
                os._exit(_LOST_STATUS)

    threading.Thread(target=watch, daemon=True, name="lth-workers").start()
    try:
        yield
    finally:
        over.set()
