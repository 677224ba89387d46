"""Which weights stay? Criteria, granularities, rates and exact masks, in NumPy.

Nothing here knows a model: arrays of weights go in, scores and masks come out.
"""

from lth_keras.pruning import counts, criteria, granularity, masks, ranking
from lth_keras.pruning.granularities import Granularity, Tensor
from lth_keras.pruning.rates import Rate, Rates
from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values

__all__ = [
    "Granularity",
    "Rate",
    "Rates",
    "Recipe",
    "Tensor",
    "Values",
    "counts",
    "criteria",
    "granularity",
    "masks",
    "ranking",
]
