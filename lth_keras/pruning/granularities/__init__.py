"""What is kept or pruned as one? A weight, a row, a filter, a block, n of every m.

`register` adds one of your own; `names` lists them.
"""

from lth_keras.pruning.granularities import (  # Importing them registers them.
    blocks,
    filters,
    n_of_m,
    rows,
)
from lth_keras.pruning.granularities.registry import (
    REGISTRY,
    Kind,
    get,
    names,
    register,
)
from lth_keras.pruning.granularities.unit import Granularity, Tensor

__all__ = [
    "REGISTRY",
    "Granularity",
    "Kind",
    "Tensor",
    "blocks",
    "filters",
    "get",
    "n_of_m",
    "names",
    "register",
    "rows",
]
