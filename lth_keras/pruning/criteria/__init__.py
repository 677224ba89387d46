"""What is a weight worth? Score functions, of which the highest-scored are kept.

`register` adds one of your own; `names` lists them.
"""

# Importing them registers theirs.
from lth_keras.pruning.criteria import gradients, signs, weights
from lth_keras.pruning.criteria.registry import (
    get,
    names,
    needs,
    needs_initial,
    of,
    register,
)

__all__ = [
    "get",
    "gradients",
    "names",
    "needs",
    "needs_initial",
    "of",
    "register",
    "signs",
    "weights",
]
