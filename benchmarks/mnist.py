"""MNIST where it is prepared, or data of its size and ease that are made up."""

from __future__ import annotations

import numpy as np

from lth_keras.papers import datasets


def load(data_dir: str | None) -> datasets.Data:
    """The data of a benchmark.

    Args:
        data_dir: the TFDS directory that holds mnist; None makes data up.
    """
    if data_dir:
        return datasets.load("mnist", data_dir)
    rng = np.random.default_rng(0)

    def split(size: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(0, 10, size)
        x = rng.random((size, 28, 28, 1), np.float32) * 0.5
        x[np.arange(size), y * 2] += 0.5
        return x, y

    return datasets.Data("made-up", split(55_000), split(5_000), split(10_000), 10)
