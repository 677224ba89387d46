"""What the flow through a network is of, whichever Keras computes it."""

from __future__ import annotations

import numpy as np

from lth_keras.errors import LotteryError

# Where a deep network's flow overflows, a smaller input is tried.
INPUTS = (1.0, 1e-10, 1e-20, 1e-30)
# Their outputs have one sum, or one limit, whatever the weights are.
PROBABILITIES = ("softmax", "sigmoid", "log_softmax")


def require_flow(found: list[np.ndarray]) -> list[np.ndarray]:
    """The flow itself.

    Args:
        found: that through each pruned weight.

    Raises:
        LotteryError: it is nowhere above 0, or overflows.
    """
    if not all(np.isfinite(each).all() for each in found):
        raise LotteryError(
            "the flow through the network overflows: rank by another criterion, "
            "such as 'snip', or by 'magnitude'."
        )
    if not any(each.any() for each in found):
        raise LotteryError(
            "nothing flows through the network: for an input of ones its outputs "
            "do not depend on its weights. Rank by another criterion."
        )
    return found
