"""What is a weight worth? Score functions, of which the highest-scored are kept.

`register` adds one of your own; `names` lists them.
"""

from lth_keras.pruning.criteria import weights  # Importing it registers them.
from lth_keras.pruning.criteria.registry import (
    get,
    names,
    needs,
    needs_initial,
    register,
)

__all__ = ["get", "names", "needs", "needs_initial", "register", "weights"]
