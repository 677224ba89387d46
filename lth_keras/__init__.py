"""Lottery tickets in Keras models, found with plain `model.fit`.

import tf_keras as keras, lth_keras as lth
model = lth.wrap(model, rate=0.2)
model.compile(...)
search = lth.LotterySearch(model, levels=15, directory="runs/mnist")
search.fit(x, y, epochs=3, validation_data=(xv, yv))
plain = lth.unwrap(model)
"""

from lth_keras import controls, criteria
from lth_keras.callbacks import CaptureInitialWeights, DivergedError, PruneAndRewind
from lth_keras.compact import compact, compaction
from lth_keras.compat import LotteryError
from lth_keras.coverage import coverage
from lth_keras.export import export_keras, export_saved_model
from lth_keras.schedules import IterativePruning
from lth_keras.search import LotterySearch
from lth_keras.state import Start, capture, project, prune, rewind, verify
from lth_keras.stored import SearchHistory
from lth_keras.tflite import export_tflite
from lth_keras.ticket import Ticket
from lth_keras.version import __version__
from lth_keras.wrappers import PruneByLevel
from lth_keras.wrapping import unwrap, wrap

__all__ = [
    "CaptureInitialWeights",
    "DivergedError",
    "IterativePruning",
    "LotteryError",
    "LotterySearch",
    "PruneAndRewind",
    "PruneByLevel",
    "SearchHistory",
    "Start",
    "Ticket",
    "__version__",
    "capture",
    "compact",
    "compaction",
    "controls",
    "coverage",
    "criteria",
    "export_keras",
    "export_saved_model",
    "export_tflite",
    "project",
    "prune",
    "rewind",
    "unwrap",
    "verify",
    "wrap",
]
