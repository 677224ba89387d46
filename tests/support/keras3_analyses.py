"""Lines between runs of Keras 3 models, on the backend of their process.

KERAS_BACKEND=jax python -m tests.support.keras3_analyses JOB FOLDER
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import numpy as np

import lth_keras as lth
from tests.support import keras3_searches as searches


def lines(folder: pathlib.Path) -> dict[str, Any]:
    """The line from level 0 to level 2, and that between two children of level 1."""
    found = searches.search(folder)
    # In the order of the arrays, so that a test knows the batches.
    searches.fit(found, shuffle=False)
    before = _state(found)
    line = lth.analysis.path(found, 0, 2, alphas=3)
    after = _state(found)
    children = lth.analysis.instability(found, 1, "3it", children=2, alphas=3)
    lth.verify(found.model)
    return {
        "curves": line.curves,
        "metric": line.metric,
        "instability": children.instability,
        "errors": children.errors.tolist(),
        "restored": all(map(np.array_equal, before, after)),
    }


def _state(found: lth.LotterySearch) -> list[np.ndarray]:
    """Weights, and what does not train: statistics, generators."""
    weights = [weight.read() for weight in found.network.weights]
    others = found.model.non_trainable_variables
    return [*weights, *(np.array(v.numpy()) for v in others)]


JOBS = {job.__name__: job for job in (lines,)}

if __name__ == "__main__":
    told = JOBS[sys.argv[1]](pathlib.Path(sys.argv[2]))
    print(json.dumps(told))
