"""Peak memory of a wrapped 20M-weight net in training, over the net unwrapped.

Each arm is a process of its own, whose peak the operating system counts (Linux). The
arms train a few steps of a 20M-weight dense net; the wrapped one has captured theta_0,
pruned and rewound before. The peak is that of the last `fit`; what the level boundary
takes for a moment is printed too.

    python benchmarks/memory.py
"""

from __future__ import annotations

import pathlib
import re
import statistics
import subprocess
import sys

from absl import app, flags

import paired

_PAIRS = flags.DEFINE_integer("pairs", 5, "Pairs of processes.")
_ARM = flags.DEFINE_enum("arm", None, ["plain", "wrapped"], "Internal: one arm.")

_WEIGHTS = 2000 * 5000 + 5000 * 2000
_MEGABYTE = 2**20


def _reset_peak() -> None:
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Peak resident memory since the last reset, in bytes."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def _run(arm: str) -> None:
    """Trains, and prints the peak of training and of what came before it."""
    import numpy as np

    import lth_keras as lth
    from lth_keras.compat import keras

    class Peaks(keras.callbacks.Callback):
        """Stands last, so that its fit begins when the level boundary is over."""

        def on_train_begin(self, logs=None):
            self.before = _peak()
            _reset_peak()

        def on_train_end(self, logs=None):
            self.training = _peak()
            _reset_peak()

    model = keras.Sequential(
        [
            keras.layers.Dense(5000, "relu", input_shape=(2000,)),
            keras.layers.Dense(2000),
        ]
    )
    if arm == "wrapped":
        model = lth.wrap(model, 0.2, scope="global")
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    rng = np.random.default_rng(0)
    x, y = (rng.random((256, 2000), np.float32) for _ in range(2))
    peaks = Peaks()
    callbacks = [peaks]
    if arm == "wrapped":
        callbacks = [lth.CaptureInitialWeights(), lth.PruneAndRewind(), peaks]
    for _ in range(3):
        model.fit(x, y, batch_size=32, verbose=0, callbacks=callbacks)
    print(peaks.training, peaks.before)


def _arm(name: str) -> tuple[int, int]:
    command = [sys.executable, __file__, f"--arm={name}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    training, before = done.stdout.split()[-2:]
    return int(training), int(before)


def main(_: list[str]) -> None:
    if _ARM.value:
        _run(_ARM.value)
        return
    pairs = [(_arm("wrapped"), _arm("plain")) for _ in range(_PAIRS.value)]
    plain = statistics.median(p[0] for _, p in pairs)
    extra = statistics.median(w[0] - p[0] for w, p in pairs)
    moment = statistics.median(w[1] - w[0] for w, _ in pairs)
    allowed = 2 * 4 * _WEIGHTS + 0.1 * plain
    paired.report(
        "peak memory of a wrapped 20M-weight net in training, over the net unwrapped",
        f"+{extra / _MEGABYTE:.0f} MiB on {plain / _MEGABYTE:.0f} MiB (at the level "
        f"boundary {moment / _MEGABYTE:+.0f} MiB of the peak in training)",
        f"<= mask + theta_0 + 10 % = {allowed / _MEGABYTE:.0f} MiB",
    )


if __name__ == "__main__":
    app.run(main)
