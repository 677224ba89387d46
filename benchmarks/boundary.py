"""The level boundary of a 20M-weight net in global scope: VGG-19, SGD with momentum.

Ranking against one np.partition of the same numbers, and the whole boundary: rank,
mask, rewind, reset the optimizer, save the ticket.

    python benchmarks/boundary.py
"""

from __future__ import annotations

import statistics
import tempfile

import numpy as np
from absl import app, flags

import paired
from lth_keras.compat import keras
from lth_keras.masking import acts, wrapping
from lth_keras.masking.network import Network
from lth_keras.papers import networks
from lth_keras.pruning import counts, ranking
from lth_keras.tickets import ticket
from lth_keras.training import one_run

_PAIRS = flags.DEFINE_integer("pairs", 5, "Runs of each arm.")


def main(_: list[str]) -> None:
    model = wrapping.wrap(
        networks.build("vgg19", (32, 32, 3), 10), scope="global", exclude="output"
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    start = acts.capture(model)
    rng = np.random.default_rng(0)
    scores = rng.random(20_018_880, np.float32)
    everything = np.ones(scores.size, bool)
    keep = counts.keep_count(scores.size, 0.2)
    found = paired.measure(
        lambda: ranking.shrink(scores, everything, keep),
        lambda: np.partition(scores, scores.size - keep),
        _PAIRS.value,
    )
    paired.report("ranking 20M weights / np.partition", found, "<= 2")

    def boundary(level: int, folder: str) -> None:
        acts.prune(model, start)
        reached = ticket.Ticket.of(model, start, level=level)
        reached.save(f"{folder}/level{level:02d}")
        one_run.load(Network.of(model), reached)

    with tempfile.TemporaryDirectory() as folder:
        times = [
            paired.seconds(lambda n=n: boundary(n, folder))
            for n in range(1, _PAIRS.value + 2)
        ][1:]
    paired.report(
        "level boundary of VGG-19",
        f"median {statistics.median(times):.2f} s (max {max(times):.2f} s)",
        "<= 3 s",
    )


if __name__ == "__main__":
    app.run(main)
