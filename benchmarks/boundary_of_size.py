"""What lies between two fits of a search, at one size: seconds and peak memory.

A process of its own, of which `boundary.py` makes a row. A `LotterySearch` runs as
ever, but for `fit`, which is left out: what is counted is all else that a level does.

    python benchmarks/boundary_of_size.py --millions=100 --scope=global
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import pathlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from absl import app, flags

_MILLIONS = flags.DEFINE_float("millions", 1.0, "Weights of the network, in millions.")
_SCOPE = flags.DEFINE_enum("scope", "layer", ["layer", "global"], "As of lth.wrap.")

_LAYERS = 16
# Of a weight and of its momentum, both float32.
_DENSE_BYTES = 8


def _memory(what: str) -> int:
    """Resident memory now, "VmRSS", or at its peak since the reset, "VmHWM"; bytes."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024


def _reset_peak() -> None:
    pathlib.Path("/proc/self/clear_refs").write_text("5")


class _Watch:
    """Sums CPU seconds by part, and keeps the peaks, between two fits.

    Attributes:
        parts: CPU seconds by name of the part; "all" is the whole boundary.
        wall: seconds of the whole boundary on the clock.
        peak: resident bytes at most.
    """

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._running: dict[str, float] = {}
        self.wall, self.peak = 0.0, 0
        self._began: tuple[float, float] | None = None

    def at_fit(self) -> None:
        """The boundary before it is over, and the next begins."""
        now = time.process_time(), time.perf_counter()
        if self._began is not None:
            self.parts = {**self._running, "all": now[0] - self._began[0]}
            self.wall = now[1] - self._began[1]
            self.peak = _memory("VmHWM")

    def begin(self) -> None:
        gc.collect()
        self._running = {}
        _reset_peak()
        self._began = time.process_time(), time.perf_counter()

    @contextlib.contextmanager
    def counting(self, owner: Any, name: str, part: str) -> Iterator[None]:
        """Counts what a function takes, under the name of a part."""
        kept = owner.__dict__[name]
        original = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            try:
                return original(*args, **kwargs)
            finally:
                taken = time.process_time() - began
                self._running[part] = self._running.get(part, 0.0) + taken

        setattr(owner, name, staticmethod(counted) if _is_bound(kept) else counted)
        try:
            yield
        finally:
            setattr(owner, name, kept)


def _is_bound(kept: Any) -> bool:
    return isinstance(kept, (classmethod, staticmethod))


def _cpu_seconds(arm: Callable[[], object]) -> float:
    began = time.process_time()
    arm()
    return time.process_time() - began


def _reference(size: int, folder: str) -> float:
    """np.partition of as many weights, and np.savez of what is kept of them."""
    rng = np.random.default_rng(0)
    scores = rng.random(size, np.float32)
    mask = scores > 0.2

    def arm() -> None:
        np.partition(scores, size // 5)
        np.savez(f"{folder}/kept.npz", weights=scores[mask], mask=np.packbits(mask))

    arm()
    return min(_cpu_seconds(arm) for _ in range(3))


def _model(side: int) -> Any:
    from lth_keras.compat import keras

    # Zeros: drawing them would leave memory behind that is counted then.
    layers = [
        keras.layers.Dense(side, use_bias=False, kernel_initializer="zeros")
        for _ in range(_LAYERS)
    ]
    return keras.Sequential([keras.Input((side,)), *layers])


def _search(side: int, scope: str, folder: str, watch: _Watch | None) -> int:
    """Runs two rounds with nothing trained; returns resident bytes before the model."""
    import tensorflow as tf

    import lth_keras as lth
    from lth_keras.compat import keras
    from lth_keras.training import fitting

    before = _memory("VmRSS")
    model = lth.wrap(_model(side), rate=0.2, scope=scope)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    rng = np.random.default_rng(0)
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)

    def left_out(network: Any, ticket: Any, *_: Any) -> fitting.Fitted:
        if watch is not None:
            watch.at_fit()
        for weight in network.pruned:
            moved = rng.standard_normal(weight.shape, np.float32)
            weight.write(np.where(weight.read_mask(), moved, np.float32(0)))
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        if watch is not None:
            watch.begin()
        return fitting.Fitted({"iteration": []}, {}, {"loss": [0.0]}, 1)

    zeros = tf.zeros((1, side))
    kept, fitting.fit = fitting.fit, left_out
    try:
        lth.LotterySearch(model, levels=2, directory=folder).fit(
            lambda level, seed: tf.data.Dataset.from_tensors((zeros, zeros)).repeat(),
            steps_per_epoch=1,
            verbose=0,
        )
    finally:
        fitting.fit = kept
    return before


def main(_: list[str]) -> None:
    from lth_keras.masking import acts, paths
    from lth_keras.runs import trained
    from lth_keras.tickets import ticket as tickets
    from lth_keras.tickets.ticket import Ticket
    from lth_keras.training import one_run

    side = int((_MILLIONS.value * 1e6 / _LAYERS) ** 0.5)
    size = _LAYERS * side * side
    watch = _Watch()
    parts = [
        (acts, "next_masks", "rank"),
        (acts, "prune", "prune"),
        (tickets, "consuming", "rewind"),
        (Ticket, "save", "save"),
        (one_run, "load", "reset"),
        (acts, "verify", "verify"),
        (trained, "write", "trained"),
        (paths, "density", "paths"),
    ]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        reference = _reference(size, folder)
        _search(32, _SCOPE.value, f"{folder}/small", None)
        for part in parts:
            stack.enter_context(watch.counting(*part))
        before = _search(side, _SCOPE.value, f"{folder}/search", watch)
    found = {
        "weights": size,
        "reference": reference,
        "wall": watch.wall,
        "parts": watch.parts,
        "bytes": (watch.peak - before) / size - _DENSE_BYTES,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    app.run(main)
