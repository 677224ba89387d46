"""What of a network stays dense that nobody asked to leave dense, and a warning of it.

P_m is the density of what is on masks, and would not tell.
"""

from __future__ import annotations

import math
import warnings

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking import layer_table

# Of the entries of all kernels; below it no density would be far off.
_SHARE = 0.05


def dense_share(model: keras.Model) -> float:
    """The share of the kernel entries that are on no mask without being asked.

    What is excluded, frozen, or no kernel does not count.

    Args:
        model: a built model on masks.

    Returns:
        In [0, 1].
    """
    share, _ = _found(model)
    return share


def warn_of_dense_kernels(model: keras.Model, stacklevel: int) -> None:
    """Warns once where over 5 % of the kernel entries stay dense without being asked.

    Args:
        model: a model on masks; one without weights yet is passed over.
        stacklevel: of the caller's caller, whose line the warning names.
    """
    if not compat.is_built(model):
        return
    share, layers = _found(model)
    if share <= _SHARE:
        return
    largest = sorted(layers, key=lambda name: -layers[name])
    names = ", ".join(map(repr, largest[:3])) + (", ..." if len(largest) > 3 else "")
    warnings.warn(
        f"{share:.0%} of the kernel entries stay dense and are not in P_m, "
        f"in {names}: lth.coverage(model) says why, and a layer class's "
        "get_prunable_weights can name them.",
        stacklevel=stacklevel + 1,
    )


def _found(model: keras.Model) -> tuple[float, dict[str, int]]:
    """The share, and the entries that it is made of by layer."""
    kernels, dense = 0, 0
    layers: dict[str, int] = {}
    for row, reason in layer_table.rows(model, least=2):
        if not row.pruned and reason.asked is None:
            continue
        size = math.prod(row.shape)
        kernels += size
        if reason.asked is False:
            dense += size
            layers[row.layer] = layers.get(row.layer, 0) + size
    return (dense / kernels if kernels else 0.0), layers
