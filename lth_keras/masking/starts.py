"""Where training starts from again: theta_0, or theta_k."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras.arguments import count
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import slots
from lth_keras.masking.network import Network
from lth_keras.masking.orders import Listed


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Start:
    """Where training starts from again: theta_0, or theta_k.

    Attributes:
        weights: value of each weight of the network, in the order of `weights_of`.
        optimizer: the optimizer's state, or None where no optimizer was known.
        step: the training step k of the capture, in iterations.
        listed: what the weights are, where they come from a stored list.
    """

    weights: list[np.ndarray]
    optimizer: slots.State | None = None
    step: int = 0
    listed: Sequence[Listed] | None = None

    def __post_init__(self) -> None:
        values, state = self.weights, self.optimizer
        held = isinstance(values, (list, tuple)) and all(map(_is_array, values))
        told = state is None or (
            isinstance(state, dict) and all(map(_is_array, state.values()))
        )
        if not (held and told):
            raise LotteryError(
                "a start holds a list of arrays, and the optimizer's state as a dict "
                "of arrays or None: take what lth.capture(model) or ticket.start() "
                "returns."
            )
        count("step", self.step, 0, "the training step of the capture")

    def __repr__(self) -> str:
        state = "no optimizer" if self.optimizer is None else "with its optimizer"
        return f"Start(step {self.step}, {len(self.weights)} weights, {state})"


def values_for(network: Network, start: Start) -> list[np.ndarray]:
    """The weights of a start in the order of a network's.

    Raises:
        LotteryError: there is no start, or it is of another architecture; names the
            first weight that differs.
    """
    if not isinstance(start, Start):
        raise LotteryError(
            f"start={shown(start)}: pass what lth.capture(model) or ticket.start() "
            "returned."
        )
    weights, values = network.weights, start.weights
    if len(weights) != len(values):
        raise LotteryError(
            f"the captured start has {len(values)} weights, the model has "
            f"{len(weights)}: capture it from this model."
        )
    if start.listed is not None:
        values = [values[index] for index in network.places(start.listed)]
    for weight, value in zip(weights, values, strict=True):
        if weight.shape != np.shape(value):
            raise LotteryError(
                f"the captured start has shape {np.shape(value)} for {weight.path} "
                f"of shape {weight.shape}: capture it from this model."
            )
        kind = np.asarray(value).dtype.kind
        if kind in "OSUMm" and weight.dtype.kind != "O":
            raise LotteryError(
                f"the captured start has no numbers for {weight.path}: capture it from "
                "this model."
            )
    return values


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") and not isinstance(value, type)
