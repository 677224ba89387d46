"""What is done to gradients and weights around the step of a Keras 3 optimizer.

A product with the mask would leave -0.0, or NaN, where a pruned entry is not finite: so
entries are chosen, not multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lth_keras import compat


def masked(gradients: Sequence[Any], pruned: Sequence[Any]) -> list[Any]:
    """Gradients that are +0.0 where weights are pruned.

    Args:
        gradients: one a weight, or None.
        pruned: for each the variable of what is pruned, or None.
    """
    torch = compat.keras3_backend() == "torch"
    found = []
    for gradient, where in zip(gradients, pruned, strict=True):
        if gradient is None or where is None:
            found.append(gradient)
        elif torch:
            found.append(_zeroed_by_torch(gradient, where.value))
        elif hasattr(gradient, "dense_shape"):  # tf.IndexedSlices, of an embedding.
            rows = compat.keras3().ops.take(where.value, gradient.indices, axis=0)
            found.append(
                type(gradient)(
                    _zeroed(gradient.values, rows),
                    gradient.indices,
                    gradient.dense_shape,
                )
            )
        else:
            found.append(_zeroed(gradient, where.value))
    return found


def clean(variables: Sequence[Any], pruned: Sequence[Any]) -> None:
    """Sets variables to +0.0 where weights are pruned.

    For optimizers that mix entries, as Muon, and for constraints.

    Args:
        variables: weights, or averages of them.
        pruned: for each the variable of what is pruned, or None.
    """
    pairs = [(v, p) for v, p in zip(variables, pruned, strict=True) if p is not None]
    if compat.keras3_backend() == "torch":
        for variable, where in pairs:
            _zeroed_by_torch(variable.value, where.value, in_place=True)
    else:
        for variable, where in pairs:
            variable.assign(_zeroed(variable.value, where.value))


def _zeroed_by_torch(value: Any, where: Any, in_place: bool = False) -> Any:
    """What `masked_fill` gives, on CPUs by whole words of bits: many times as fast."""
    import torch

    whole = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    # Detached: a parameter is not written in place while it has a gradient.
    value = value.detach()
    kind = whole.get(value.element_size())
    if kind is None or value.device.type != "cpu" or value.layout != torch.strided:
        fill = value.masked_fill_ if in_place else value.masked_fill
        return fill(where, 0)
    bits, kept = value.view(kind), where.to(kind).sub_(1)  # 0 or all ones.
    found = bits.bitwise_and_(kept) if in_place else bits.bitwise_and(kept)
    return found.view(value.dtype)


def _zeroed(value: Any, where: Any) -> Any:
    ops = compat.keras3().ops
    return ops.where(where, ops.zeros_like(value), value)
