"""What in a model holds the masks? Wrapped layers, and the acts of a search on them.

wrap, unwrap, capture, prune, rewind, project, verify, coverage.
"""

from lth_keras.masking import keras_methods
from lth_keras.masking.acts import capture, project, prune, rewind, verify
from lth_keras.masking.covering import Coverage, WeightCoverage, coverage
from lth_keras.masking.network import Network
from lth_keras.masking.reinitialising import reinitialised
from lth_keras.masking.schedules import IterativePruning
from lth_keras.masking.starts import Start
from lth_keras.masking.weights import Weight
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.masking.wrapping import unwrap, wrap

keras_methods.surround_all()

__all__ = [
    "Coverage",
    "IterativePruning",
    "Network",
    "PruneByLevel",
    "Start",
    "Weight",
    "WeightCoverage",
    "capture",
    "coverage",
    "project",
    "prune",
    "reinitialised",
    "rewind",
    "unwrap",
    "verify",
    "wrap",
]
