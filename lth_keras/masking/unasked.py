"""A warning where much of a network stays dense that nobody asked to leave dense."""

from __future__ import annotations

import math
import warnings

from lth_keras.compat import keras
from lth_keras.masking import covering

# Of the entries of all kernels; below it no density would be far off.
_SHARE = 0.05


def warn_of_dense_kernels(model: keras.Model, stacklevel: int) -> None:
    """Warns once where over 5 % of the kernel entries are in layers not looked into.

    P_m is the density of what is on masks, and would not tell.

    Args:
        model: a wrapped model; one without weights yet is passed over.
        stacklevel: of the caller's caller, whose line the warning names.
    """
    if not model.built:
        return
    kernels, dense = 0, 0
    layers: dict[str, int] = {}
    for row, reason in covering.rows(model, least=2):
        if not row.pruned and reason.asked is None:
            continue
        size = math.prod(row.shape)
        kernels += size
        if reason.asked is False:
            dense += size
            layers[row.layer] = layers.get(row.layer, 0) + size
    if dense <= _SHARE * kernels:
        return
    largest = sorted(layers, key=lambda name: -layers[name])
    names = ", ".join(map(repr, largest[:3])) + (", ..." if len(largest) > 3 else "")
    warnings.warn(
        f"{dense / kernels:.0%} of the kernel entries stay dense and are not in P_m: "
        f"wrap does not look into {names}; lth.coverage(model) says why, and a layer's "
        "get_prunable_weights lets them be pruned.",
        stacklevel=stacklevel + 1,
    )
