"""grow: weights that a mask prunes come back, at zero.

lth.grow(model)                # all of them: the network is dense again
lth.grow(model, masks)         # those that these masks keep, one for each pruned weight
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lth_keras.arguments import listed
from lth_keras.errors import LotteryError
from lth_keras.masking import followers, slots
from lth_keras.masking.network import Held, Network
from lth_keras.pruning import masks as masks_

_WANTED = "a boolean array for each weight on a mask, in the model's order"


def grow(
    model: Held, masks: Iterable[np.ndarray] | None = None, optimizer: Any = None
) -> float:
    """Releases pruned weights: they are +0.0 still, and train from now on.

    The only act by which a mask grows (Dense-Sparse-Dense, Han et al. 2017). What is
    kept stays, whatever `masks` says of it. The optimizer's slots of released weights
    are what they were before the first step. Of whole filters biases, scales and
    offsets come back too; with both its kernel and its scale at zero a filter has no
    gradient but its offset's, so that filters are better released by hand.

    Args:
        model: a wrapped model.
        masks: what to release, a boolean array of each pruned weight's shape; all by
            default.
        optimizer: the optimizer of a loop of your own; the compiled one by default.

    Returns:
        The density P_m after it, in (0, 1].

    Raises:
        LotteryError: the model is not wrapped, or `masks` are not of its shapes.
            Nothing is released then.
    """
    network = Network.of(model, optimizer).require_masks()
    present = network.masks
    wanted = _wanted(network, masks)
    new = [old | more for old, more in zip(present, wanted, strict=True)]
    replace(network, new)
    return masks_.density(new)


def replace(network: Network, new: list[np.ndarray]) -> None:
    """Puts a model on other masks, whatever these release and prune.

    Args:
        network: of a wrapped model.
        new: a boolean mask for each of `network.pruned`.
    """
    for weight, mask in zip(network.pruned, new, strict=True):
        weight.write_mask(mask)
    followers.settle(network)
    # What was pruned has slots at their beginning already, as every act leaves them.
    if network.optimizers:
        slots.project(network)


def _wanted(network: Network, given: Iterable[np.ndarray] | None) -> list[np.ndarray]:
    if given is None:
        return [np.ones(weight.shape, bool) for weight in network.pruned]
    found = [_array(mask) for mask in listed("masks", given, _WANTED)]
    shapes = [weight.shape for weight in network.pruned]
    kinds = {mask.dtype.kind for mask in found}
    if [mask.shape for mask in found] != shapes or not kinds <= {"b"}:
        raise LotteryError(
            f"masks= are {[(m.dtype.name, m.shape) for m in found][:4]}: give "
            f"{_WANTED}, of shapes {shapes[:4]}."
        )
    return found


def _array(mask: object) -> np.ndarray:
    try:
        return np.asarray(mask)
    except Exception:  # Lists of different lengths, or what a class raises.
        raise LotteryError(f"masks= holds what is no array: give {_WANTED}.") from None
