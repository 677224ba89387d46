"""Granularities by the name that a package of one's own registers them through.

from lth_keras.pruning import granularity

@granularity.register("row_pair")
class RowPair(granularity.Granularity): ...
"""

from lth_keras.pruning.granularities import (
    REGISTRY,
    Granularity,
    Kind,
    Tensor,
    get,
    names,
    register,
)

__all__ = ["REGISTRY", "Granularity", "Kind", "Tensor", "get", "names", "register"]
