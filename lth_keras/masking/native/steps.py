"""What is done to gradients and weights around the step of a Keras 3 optimizer.

A product with the mask would leave -0.0, or NaN, where a pruned entry is not finite: so
entries are chosen, not multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lth_keras import compat
from lth_keras.masking.native import by_jax, by_torch


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
            found.append(by_torch.zeroed(gradient, where))
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


def clean(
    variables: Sequence[Any], pruned: Sequence[Any], frozen: Sequence[Any] = ()
) -> None:
    """Sets variables to +0.0, or what is frozen there, where weights are pruned.

    For optimizers that mix entries, as Muon, and for constraints.

    Args:
        variables: weights, or averages of them.
        pruned: for each the variable of what is pruned, or None.
        frozen: for each the variable of frozen values, or None; none by default.
    """
    every = zip(variables, pruned, frozen or (None,) * len(pruned), strict=True)
    pairs = []
    for variable, where, values in every:
        if values is not None:
            ops = compat.keras3().ops
            value = ops.where(where.value, values.value, variable.value)
            variable.assign(value)
        elif where is not None:
            pairs.append((variable, where))
    if compat.keras3_backend() == "torch":
        for variable, where in pairs:
            by_torch.zeroed(variable.value, where, in_place=True)
    else:
        for variable, where in pairs:
            variable.assign(_zeroed(variable.value, where.value))


def _zeroed(value: Any, where: Any) -> Any:
    if compat.keras3_backend() == "jax":
        return by_jax.zeroed(value, where)
    ops = compat.keras3().ops
    return ops.where(where, ops.zeros_like(value), value)
