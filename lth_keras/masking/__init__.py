"""What in a model holds the masks? Wrapped layers, and the acts of a search on them.

wrap, unwrap, capture, prune, rewind, project, verify, coverage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import wrapt

from lth_keras import lazy
from lth_keras.masking import surrounding

if TYPE_CHECKING:
    from lth_keras.masking.acts import capture, project, prune, rewind, verify
    from lth_keras.masking.covering import coverage
    from lth_keras.masking.network import Network
    from lth_keras.masking.reinitialising import reinitialised
    from lth_keras.masking.schedules import IterativePruning
    from lth_keras.masking.starts import Start
    from lth_keras.masking.table import Coverage, WeightCoverage
    from lth_keras.masking.weight import Weight
    from lth_keras.masking.wrappers import PruneByLevel
    from lth_keras.masking.wrapping import unwrap, wrap

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

_FILES = {
    "acts": "capture project prune rewind verify",
    "covering": "coverage",
    "network": "Network",
    "reinitialising": "reinitialised",
    "schedules": "IterativePruning",
    "starts": "Start",
    "table": "Coverage WeightCoverage",
    "weight": "Weight",
    "wrappers": "PruneByLevel",
    "wrapping": "unwrap wrap",
}
# A room of two Keras: a model of one does not import the other.
__getattr__ = lazy.names(
    __name__,
    {n: f"{__name__}.{file}" for file, names in _FILES.items() for n in names.split()},
)

# Where there are models of tf_keras, its own methods have to know of masks.
wrapt.when_imported("tf_keras")(surrounding.surround_all)
