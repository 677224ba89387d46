"""One LeNet search for every peer, and what is asked of it. NumPy alone.

A peer is a file beside this one that carries the search out as its own documents say,
in an environment where lth_keras is not, and prints what `told` makes of it.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence

import numpy as np

# LeNet-300-100 on MNIST's shape: 20 % of the dense layers a round, 10 % of the output.
SIZES = (784, 300, 100, 10)
RATES = (0.2, 0.2, 0.1)
LEVELS, ITERATIONS, BATCH, LEARNING_RATE = 3, 100, 60, 1.2e-3
Arrays = Sequence[np.ndarray]


@dataclasses.dataclass
class Found:
    """What a peer's search did.

    Attributes:
        kept: weights that are kept, by level and layer.
        milliseconds: an iteration of training in the last level.
        kernels: whether a level starts at mask x theta_0.
        biases: whether its biases are those of theta_0.
        optimizer: whether its moments and step count are as before the first step.
        shrinks: whether each mask is part of the one before.
        checkpoint: whether what is saved right after a step has exact zeros.
        resumes: whether a search that was killed goes on by itself.
        shipped: bytes of what its documents say to ship, of the last level.
        note: what a reader has to know of these.
    """

    kept: list[list[int]]
    milliseconds: float
    kernels: bool | None = None
    biases: bool | None = None
    optimizer: bool | None = None
    shrinks: bool | None = None
    checkpoint: bool | None = None
    resumes: bool | None = None
    shipped: int | None = None
    note: str = ""


def data() -> tuple[np.ndarray, np.ndarray]:
    """6,000 made-up images of 784 pixels, and labels that can be learnt from them."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 6000)
    x = rng.random((6000, 784), np.float32) * 0.5
    x[np.arange(6000), y * 2] += 0.5
    return x, y


def theta() -> list[tuple[np.ndarray, np.ndarray]]:
    """Initial kernels (inputs, outputs), Glorot normal, and biases that are not 0."""
    rng = np.random.default_rng(1)
    drawn = []
    for inputs, outputs in zip(SIZES, SIZES[1:], strict=False):
        sigma = np.sqrt(2 / (inputs + outputs))
        kernel = rng.normal(0, sigma, (inputs, outputs)).astype(np.float32)
        # A rewind that forgets the biases would not be seen at zero.
        drawn.append((kernel, rng.normal(0, 0.01, outputs).astype(np.float32)))
    return drawn


def right_counts() -> list[list[int]]:
    """What is kept by level and layer: n - round(rate n) of n, round after round."""
    counts = [[a * b for a, b in zip(SIZES, SIZES[1:], strict=False)]]
    for _ in range(LEVELS):
        pairs = zip(counts[-1], RATES, strict=True)
        counts.append([n - round(rate * n) for n, rate in pairs])
    return counts


def starts_at_theta(kernels: Arrays, biases: Arrays, masks: Arrays) -> dict[str, bool]:
    """Whether kernels and biases are those of theta_0 on the masks, bit for bit."""
    drawn = theta()
    return {
        "kernels": all(
            np.array_equal(kernel, np.where(mask != 0, of_theta, 0))
            for kernel, (of_theta, _), mask in zip(kernels, drawn, masks, strict=True)
        ),
        "biases": all(
            np.array_equal(bias, of_theta)
            for bias, (_, of_theta) in zip(biases, drawn, strict=True)
        ),
    }


def shrink(masks: Sequence[Arrays]) -> bool:
    """Whether nothing that was pruned is kept at a later level."""
    return not any(
        np.any((now != 0) & (before == 0))
        for first, second in zip(masks, masks[1:], strict=False)
        for before, now in zip(first, second, strict=True)
    )


def obeys(kernels: Arrays, masks: Arrays) -> bool:
    """Whether what the masks prune is exactly 0."""
    return not any(
        np.any(kernel[mask == 0]) for kernel, mask in zip(kernels, masks, strict=True)
    )


def counted(masks: Arrays) -> list[int]:
    """Weights that each mask keeps."""
    return [int(np.count_nonzero(mask)) for mask in masks]


def timed(train: Callable[[], object]) -> float:
    """Milliseconds an iteration of a level's training, after a first one that warms."""
    train()
    began = time.perf_counter()
    train()
    return (time.perf_counter() - began) * 1000 / ITERATIONS


def told(peer: str, version: str, found: Found) -> None:
    """Prints the last line of a peer's program, which `compare.py` reads."""
    right = found.kept == right_counts()[: len(found.kept)] and len(found.kept) > 1
    line = {"peer": peer, "version": version, "counts": right}
    print(json.dumps({**line, **dataclasses.asdict(found)}))
