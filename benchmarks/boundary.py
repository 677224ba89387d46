"""The level boundary: rank, mask, rewind, reset the optimizer, save the ticket.

Of a 20M-weight net in global scope (VGG-19, SGD with momentum), and its ranking against
one np.partition of the same numbers; of a small net (LeNet-300-100, Adam) against the
same acts written by hand in NumPy, without checks and checksums. Then all that lies
between two fits of a search, a row for each size, in CPU seconds: the clock of a busy
machine says little.

    python benchmarks/boundary.py --sizes=1,3,10,30,100
"""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess
import sys
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
_SIZES = flags.DEFINE_list("sizes", ["1", "3", "10", "30", "100"], "Million weights.")
_ROWS_ALONE = flags.DEFINE_bool("rows_alone", False, "Only the rows of --sizes.")
_PARTS = ("verify", "trained", "rank", "mask", "rewind", "save", "reset", "paths")


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


def rows() -> None:
    """Prints a row for each size and scope, each from a process of its own."""
    program = pathlib.Path(__file__).with_name("boundary_of_size.py")
    names = ["weights", "scope", "seconds", *_PARTS, "/ reference", "bytes a weight"]
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    for size in _SIZES.value:
        for scope in ("layer", "global"):
            command = [sys.executable, str(program), f"--millions={size}"]
            done = subprocess.run(
                [*command, f"--scope={scope}"],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found = json.loads(done.stdout.splitlines()[-1])
            parts = found["parts"]
            parts["mask"] = parts["prune"] - parts["rank"]
            cells = [f"{parts[name]:.2f}" for name in ("all", *_PARTS)]
            ratio = parts["all"] / found["reference"]
            cells += [f"{ratio:.1f}", f"{found['bytes']:.1f}"]
            print(f"| {size}M | {scope} | " + " | ".join(cells) + " |", flush=True)


def main(_: list[str]) -> None:
    if _ROWS_ALONE.value:
        rows()
        return
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
    rows()


if __name__ == "__main__":
    app.run(main)
