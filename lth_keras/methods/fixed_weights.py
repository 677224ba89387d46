"""The weights that stay while a mask is learned: the model's own, drawn or constant."""

from __future__ import annotations

import numpy as np

from lth_keras.arguments import among
from lth_keras.errors import LotteryError, shown

WEIGHTS = ("init", "kaiming", "signed_constant")


def check(weights: str) -> str:
    """The name of the weights.

    Raises:
        LotteryError: there are none of that name.
    """
    if not among(weights, WEIGHTS):
        raise LotteryError(
            f"weights={shown(weights)} are not known: use 'init', 'kaiming' or "
            "'signed_constant'."
        )
    return weights


def fan_in(shape: tuple[int, ...]) -> int:
    """The inputs of a unit: all dimensions of the kernel but the last."""
    return max(1, int(np.prod(shape[:-1])))


def kaiming(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Normal numbers of standard deviation sqrt(2 / fan_in), float32."""
    return rng.normal(0, np.sqrt(2 / fan_in(shape)), shape).astype(np.float32)


def signed(value: np.ndarray, size: float) -> np.ndarray:
    """`size` with the sign of each weight; + for zeros."""
    ones = np.where(value < 0, -1, 1)
    return (ones * size).astype(value.dtype)
