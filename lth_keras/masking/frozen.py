"""Values at which pruned weights are frozen, instead of at zero.

A tensor of its own beside the mask, which does not train, and which the masked read
adds: the weight itself stays sparse, and all that is said of it stays true. (A weight
of Keras 3 has no masked read: the values stand in it, and it is read without them.)
There are such tensors only while some are frozen; a model that freezes none computes
as if there were no such thing.

    write(network, [None, np.where(mask, 0, theta_0), ...])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lth_keras.masking.network import Network


def write(network: Network, values: Sequence[np.ndarray | None]) -> None:
    """Freezes pruned weights at values; where nothing is, at zero as always.

    Functions that Keras has compiled for the model are made anew where one begins or
    ends to freeze.

    Args:
        network: of a model whose masks are set.
        values: one array for each of `network.pruned`, zero where the mask keeps, or
            None for zeros.
    """
    any_frozen = any(value is not None and value.any() for value in values)
    before = any(weight.frozen is not None for weight in network.pruned)
    if any_frozen:
        network.hold_frozen()
        for weight, value in zip(network.pruned, values, strict=True):
            weight.freeze(np.zeros(weight.shape) if value is None else value)
    elif before:
        network.drop_frozen()
    if any_frozen != before:
        network.forget_traces()


def violations(network: Network) -> list[str]:
    """Weights with a frozen value where the mask keeps."""
    return [
        f"frozen value of {weight.path}"
        for weight in network.pruned
        if (value := weight.read_frozen()) is not None
        and np.any((value != 0) & weight.read_mask())
    ]
