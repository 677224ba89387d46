"""Every public name of the package, which `lth_keras` hands on when first asked.

Importing this module imports TensorFlow, tf_keras and tfmot, and registers with
tf_keras all classes of ours that files of models name.
"""

import lth_keras.training.learning_rates  # noqa: F401  Its class is registered.
from lth_keras import analysis, controls, hub, methods
from lth_keras.analysis.layers_alone import sensitivity
from lth_keras.compacting.model import compact, compaction
from lth_keras.converting.compiling import compile_like
from lth_keras.converting.conversion import from_keras3
from lth_keras.errors import DivergedError, LotteryError
from lth_keras.experiments import engines
from lth_keras.experiments.experiment import Experiment
from lth_keras.export.into_keras3 import write_to
from lth_keras.export.keras_file import export_keras
from lth_keras.export.saved_model import export_saved_model
from lth_keras.export.tflite.exporting import export_tflite
from lth_keras.masking.acts import capture, project, prune, rewind, verify
from lth_keras.masking.covering import coverage
from lth_keras.masking.growing import grow
from lth_keras.masking.holds import hold, release
from lth_keras.masking.schedules import IterativePruning
from lth_keras.masking.starts import Start
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.masking.wrapping import unwrap, wrap
from lth_keras.pruning import budgets, criteria, recipes
from lth_keras.pruning.settling import MaskConverged
from lth_keras.reporting.plots import plot_curves, plot_density
from lth_keras.runs.stored import SearchHistory
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import keras3
from lth_keras.training.capturing import CaptureInitialWeights, PruneAndRewind
from lth_keras.version import __version__

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
