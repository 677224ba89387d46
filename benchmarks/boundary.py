"""The level boundary: rank, mask, rewind, reset the optimizer, save the ticket.

Of a 20M-weight net in global scope (VGG-19, SGD with momentum), and its ranking against
one np.partition of the same numbers; of a small net (LeNet-300-100, Adam) against the
same acts written by hand in NumPy, without checks and checksums.

    python benchmarks/boundary.py
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable

import numpy as np
from absl import app, flags

import paired
from lth_keras.compat import keras
from lth_keras.masking import acts, wrapping
from lth_keras.masking.network import Network
from lth_keras.masking.starts import Start
from lth_keras.papers import networks
from lth_keras.pruning import counts, ranking
from lth_keras.tickets import ticket
from lth_keras.training import one_run

_PAIRS = flags.DEFINE_integer("pairs", 5, "Runs of each arm.")


def boundary(model: keras.Model, start: Start, level: int, folder: str) -> None:
    """One level boundary, as the search carries it out."""
    acts.prune(model, start)
    reached = ticket.Ticket.of(model, start, level=level)
    reached.save(f"{folder}/level{level:02d}", overwrite=True)
    one_run.load(Network.of(model), reached)


def by_hand(model: keras.Model, start: Start, folder: str) -> None:
    """The same for layer scope, as a short script would do it."""
    network = Network.of(model)
    kept = {}
    for index, weight in enumerate(network.weights):
        value = start.weights[index]
        if weight.mask is not None:
            mask, size = weight.read_mask(), np.abs(weight.read())
            keep = counts.keep_count(int(mask.sum()), 0.2)
            least = np.partition(size[mask], -keep)[-keep]
            kept[f"mask{index}"] = mask & (size >= least)
            weight.write_mask(kept[f"mask{index}"])
            value = value * kept[f"mask{index}"]
        kept[f"weight{index}"] = start.weights[index]
        weight.write(value)
    for variable in model.optimizer.variables:
        if variable.dtype.is_floating and variable.shape.rank:
            variable.assign(np.zeros(variable.shape, np.float32))
    np.savez(f"{folder}/by_hand.npz", **kept)


def small_net() -> None:
    """LeNet-300-100: what a level costs where training takes a second."""
    model = wrapping.wrap(networks.build("lenet", (28, 28, 1), 10))
    model.compile(keras.optimizers.Adam(0.0012), "mse")
    start = acts.capture(model)
    levels = iter(range(1, 1000))
    with tempfile.TemporaryDirectory() as folder:

        def anew(act: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                for weight in Network.of(model).pruned:
                    weight.write_mask(np.ones(weight.shape, bool))
                act()

            return run

        found = paired.measure(
            anew(lambda: boundary(model, start, next(levels), folder)),
            anew(lambda: by_hand(model, start, folder)),
            _PAIRS.value,
        )
    paired.report("level boundary of LeNet / by hand in NumPy", found, "none")


def main(_: list[str]) -> None:
    small_net()
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
    with tempfile.TemporaryDirectory() as folder:
        times = [
            paired.seconds(lambda n=n: boundary(model, start, n, folder))
            for n in range(1, _PAIRS.value + 2)
        ][1:]
    paired.report(
        "level boundary of VGG-19",
        f"median {statistics.median(times):.2f} s (max {max(times):.2f} s)",
        "<= 3 s",
    )


if __name__ == "__main__":
    app.run(main)
