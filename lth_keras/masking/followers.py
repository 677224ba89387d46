"""What goes with the filters that are pruned: biases, scales and offsets.

A filter whose bias, or whose offset in a batch normalisation, lives on still puts out a
constant. So these are on masks too, which are never ranked: they are those of the
filters' own kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.masking.weights import Weight
from lth_keras.pruning import masks


def settle(network: Network) -> None:
    """Sets the masks of what goes with filters to those of the filters.

    Needed wherever masks of kernels were written; weights become +0.0 there.
    """
    for weight, kept in _masks(network):
        if not np.array_equal(weight.read_mask(), kept):
            weight.write_mask(kept)
        elif np.any((weight.read() != 0) & ~kept):
            weight.write(masks.apply(weight.read(), kept))


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


def scored(
    network: Network, values: Sequence[np.ndarray] | None = None
) -> list[np.ndarray]:
    """What criteria see of each pruned weight: itself, or the scales of its filters.

    Args:
        network: of a wrapped model.
        values: of all its weights, in its order; the present ones by default.

    Returns:
        One array per pruned weight, in its shape.

    Raises:
        LotteryError: the filters are ranked by scales that some of them do not have.
    """
    places = {id(weight): index for index, weight in enumerate(network.weights)}

    def value(weight: Weight) -> np.ndarray:
        return weight.read() if values is None else values[places[id(weight)]]

    rule = network.recipe.rule
    if rule.scored_by == "kernel":
        return [value(weight) for weight in network.pruned]
    scales = {
        id(lead): weight for weight, lead in leads(network) if weight.name == "gamma"
    }
    found = []
    for weight, tensor in zip(network.pruned, network.tensors, strict=True):
        if id(weight) not in scales:
            raise LotteryError(
                f"granularity={network.recipe.granularity!r}: no BatchNormalization "
                f"with a scale is behind {weight.path}: leave its layer out "
                "(exclude=), or use 'filter'."
            )
        dense = np.ones(weight.shape, bool)
        units = rule.units(tensor, dense)
        scale = np.asarray(value(scales[id(weight)])).reshape(units.shape)
        spread = rule.spread(tensor, scale, dense)
        found.append(np.broadcast_to(spread, weight.shape))
    return found


def leads(network: Network) -> list[tuple[Weight, Weight]]:
    """What goes with filters, each with the kernel of these filters.

    Raises:
        LotteryError: a batch normalisation follows a layer that is not there.
    """
    found: list[tuple[Weight, Weight]] = []
    # The nearest before it, where models inside a model use a name twice.
    latest: dict[str, list[Weight]] = {}
    for weight in network.held:
        if weight.is_pruned:
            name = weight.wrapper.name
            same = latest.get(name, [])
            if same and same[0].wrapper is not weight.wrapper:
                same = []
            latest[name] = [*same, weight]
            continue
        name, place = weight.follows or ("", 0)
        if name not in latest:
            raise LotteryError(
                f"{weight.path} goes with the filters of {name!r}, which the model "
                "does not have on a mask: wrap the whole model at once."
            )
        found.append((weight, latest[name][place]))
    return found


def _masks(
    network: Network, chosen: Sequence[np.ndarray] | None = None
) -> Iterator[tuple[Weight, np.ndarray]]:
    """Each with the mask that the filters of its kernel give it.

    Args:
        network: of a wrapped model.
        chosen: masks of the kernels; those that they have by default.
    """
    pairs = leads(network)
    if not pairs:
        return
    rule, tensors = network.recipe.rule, network.tensors
    places = {id(weight): place for place, weight in enumerate(network.pruned)}
    for weight, lead in pairs:
        place = places[id(lead)]
        mask = lead.read_mask() if chosen is None else chosen[place]
        kept = rule.units(tensors[place], mask)
        yield weight, np.asarray(kept).reshape(weight.shape)
