"""Where training starts from again: theta_0, or theta_k."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.masking import slots
from lth_keras.masking.weights import Weight


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """Where training starts from again: theta_0, or theta_k.

    Attributes:
        weights: value of each weight of the network, in the order of `weights_of`.
        optimizer: the optimizer's state, or None where no optimizer was known.
        step: the training step k of the capture, in iterations.
    """

    weights: list[np.ndarray]
    optimizer: slots.State | None = None
    step: int = 0


def check_start(weights: Sequence[Weight], start: Start) -> None:
    """Refuses a start of another architecture.

    Raises:
        LotteryError: names the first weight that differs.
    """
    if len(weights) != len(start.weights):
        raise LotteryError(
            f"the captured start has {len(start.weights)} weights, the model has "
            f"{len(weights)}: capture it from this model."
        )
    for weight, value in zip(weights, start.weights, strict=True):
        if weight.shape != np.shape(value):
            raise LotteryError(
                f"the captured start has shape {np.shape(value)} for {weight.path} "
                f"of shape {weight.shape}: capture it from this model."
            )
