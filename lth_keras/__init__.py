"""Lottery tickets in Keras models, found with plain `model.fit`.

import tf_keras as keras, lth_keras as lth
model = lth.wrap(model, rate=0.2)
model.compile(...)
search = lth.LotterySearch(model, levels=15, directory="runs/mnist")
search.fit(x, y, epochs=3, validation_data=(xv, yv))
plain = lth.unwrap(model)

TensorFlow is imported when a public name is first used, so that what needs NumPy alone
(`lth_keras.pruning`, `lth_keras.storage`) and the programs' flags do not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lth_keras import door, registration
from lth_keras.version import __version__

door.choose_tf_keras()

if TYPE_CHECKING:
    from lth_keras.public import *  # noqa: F403

__all__ = [
    "CaptureInitialWeights",
    "DivergedError",
    "Experiment",
    "IterativePruning",
    "LotteryError",
    "LotterySearch",
    "MaskConverged",
    "PruneAndRewind",
    "PruneByLevel",
    "SearchHistory",
    "Start",
    "Ticket",
    "__version__",
    "analysis",
    "budgets",
    "capture",
    "compact",
    "compaction",
    "compile_like",
    "controls",
    "coverage",
    "criteria",
    "export_keras",
    "export_saved_model",
    "export_tflite",
    "from_keras3",
    "grow",
    "hold",
    "hub",
    "methods",
    "plot_curves",
    "plot_density",
    "project",
    "prune",
    "recipes",
    "release",
    "rewind",
    "sensitivity",
    "unwrap",
    "verify",
    "wrap",
    "write_to",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    public = importlib.import_module("lth_keras.public")
    globals().update({known: getattr(public, known) for known in __all__})
    return globals()[name]


def __dir__() -> list[str]:
    return sorted(__all__)


registration.when_tf_keras_is_there()
