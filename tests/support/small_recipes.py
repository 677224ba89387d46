"""Two small tensors for tests of recipes, and what is kept of them, by hand."""

from __future__ import annotations

import numpy as np

from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values

RNG = np.random.default_rng(0)
TRAINED = [RNG.normal(size=shape) for shape in ((6, 5), (5, 4))]


def kept_by_hand(flat: list[float], keep: int) -> list[bool]:
    best = sorted(range(len(flat)), key=lambda i: (-flat[i], i))[:keep]
    return [index in best for index in range(len(flat))]


def dense(arrays) -> list[np.ndarray]:
    return [np.ones(array.shape, bool) for array in arrays]


def shrunk(recipe: Recipe, masks) -> list[np.ndarray]:
    scores = recipe.scores(Values(TRAINED), np.random.default_rng(0))
    return recipe.shrink(scores, masks)
