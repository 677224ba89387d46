"""Lottery tickets in Keras models, found with plain `model.fit`.

import tf_keras as keras, lth_keras as lth
model = lth.wrap(model, rate=0.2)
model.compile(...)
search = lth.LotterySearch(model, levels=15, directory="runs/mnist")
search.fit(x, y, epochs=3, validation_data=(xv, yv))
plain = lth.unwrap(model)

Each public name is imported when it is first used. So what needs NumPy alone
(`lth_keras.pruning`, `lth_keras.storage`) and the programs' flags do not wait for
TensorFlow, nor does who holds a Keras 3 model on JAX or torch for tf_keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lth_keras import door, lazy, registration
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
    "engines",
    "export_keras",
    "export_saved_model",
    "export_tflite",
    "from_keras3",
    "grow",
    "hold",
    "hub",
    "keras3",
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


# Where each is, by the module that has them, or that is it.
_FILES = {
    "analysis": "analysis",
    "analysis.layers_alone": "sensitivity",
    "compacting.model": "compact compaction",
    "controls": "controls",
    "converting.compiling": "compile_like",
    "converting.conversion": "from_keras3",
    "errors": "DivergedError LotteryError",
    "experiments.engines": "engines",
    "experiments.experiment": "Experiment",
    "export.into_keras3": "write_to",
    "export.keras_file": "export_keras",
    "export.saved_model": "export_saved_model",
    "export.tflite.exporting": "export_tflite",
    "hub": "hub",
    "masking.acts": "capture project prune rewind verify",
    "masking.covering": "coverage",
    "masking.growing": "grow",
    "masking.holds": "hold release",
    "masking.schedules": "IterativePruning",
    "masking.starts": "Start",
    "masking.wrappers": "PruneByLevel",
    "masking.wrapping": "unwrap wrap",
    "methods": "methods",
    "pruning.budgets": "budgets",
    "pruning.criteria": "criteria",
    "pruning.recipes": "recipes",
    "pruning.settling": "MaskConverged",
    "reporting.plots": "plot_curves plot_density",
    "runs.stored": "SearchHistory",
    "search.search": "LotterySearch",
    "tickets.ticket": "Ticket",
    "training.capturing": "CaptureInitialWeights PruneAndRewind",
    "training.keras3": "keras3",
}
__getattr__ = lazy.names(
    __name__,
    {
        name: f"{__name__}.{file}"
        for file, names in _FILES.items()
        for name in names.split()
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)


registration.when_tf_keras_is_there()
