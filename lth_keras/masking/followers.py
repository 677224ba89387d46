"""What goes with the filters that are pruned: biases, scales and offsets.

A filter whose bias, or whose offset in a batch normalisation, lives on still puts out a
constant. So these are on masks too, which are never ranked: they are those of the
filters' own kernel, and behind a sum of filters those of all that are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lth_keras.masking.network import Network
from lth_keras.masking.weight import Weight
from lth_keras.pruning import masks


def settle(network: Network) -> None:
    """Sets the masks of what goes with filters to those of the filters.

    Needed wherever masks of kernels were written; weights become +0.0 there.
    """
    for weight, kept in _masks(network):
        if not np.array_equal(weight.read_mask(), kept):
            weight.write_mask(kept)
        elif masks.has_strays(weight.view(), kept):
            weight.write(masks.apply(weight.view(), kept))


def settled(
    network: Network, values: Sequence[np.ndarray], chosen: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Weights with +0.0 where they go with filters that some masks prune.

    Args:
        network: of a wrapped model.
        values: of all its weights, in its order.
        chosen: the masks of its pruned weights.
    """
    found = list(values)
    places = {id(weight): index for index, weight in enumerate(network.weights)}
    for weight, kept in _masks(network, chosen):
        index = places[id(weight)]
        found[index] = masks.apply(np.asarray(found[index]), kept)
    return found


def _masks(
    network: Network, chosen: Sequence[np.ndarray] | None = None
) -> Iterator[tuple[Weight, np.ndarray]]:
    """Each with the mask that the filters of its kernels give it: some of them left.

    Args:
        network: of a wrapped model.
        chosen: masks of the kernels; those that they have by default.
    """
    pairs = network.leads
    if not pairs:
        return
    rule, tensors = network.recipe.rule, network.tensors
    places = {id(weight): place for place, weight in enumerate(network.pruned)}
    for weight, lead in pairs:
        kept = np.zeros(weight.shape, bool)
        for kernel in lead:
            place = places[id(kernel)]
            mask = kernel.read_mask() if chosen is None else chosen[place]
            units = rule.units(tensors[place], mask)
            kept = kept | np.asarray(units).reshape(weight.shape)
        yield weight, kept
