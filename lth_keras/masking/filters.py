"""Which layers of a network lose filters, which the same ones, and what goes with them?

The same for both Keras: of layers that have a rate, and of the channels of a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.masking.channels import Channels
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularities import Granularity, Tensor
from lth_keras.pruning.recipe import Recipe


class Choice(NamedTuple):
    """How a layer is pruned.

    Attributes:
        rate: share of its surviving units pruned per round, or in each of some.
        tied: a name that layers have in common whose filters go together; or "".
        follows: of a batch normalisation, the layers with whose filters it goes.
    """

    rate: RoundRate
    tied: str = ""
    follows: tuple[Any, ...] = ()


def settled(
    found: dict[int, Choice],
    layers: Iterable[Any],
    known: Channels,
    recipe: Recipe,
    fitting: Callable[[Any, Any], bool],
) -> dict[int, Choice]:
    """The choices, as sums of filters allow them, with what follows filters.

    Args:
        found: of layers with kernels, by identity.
        layers: all of the network, each once.
        known: what adds and what normalises their channels.
        recipe: how the network is pruned.
        fitting: f(normalisation, layer) -> whether it has one scale or offset for each
            filter of the layer.

    Raises:
        LotteryError: layers that are pruned together have several rates.
    """
    found = dict(found)
    if recipe.where == "first":
        for layer in (layer for group in known.joined for layer in group):
            found.pop(id(layer), None)
    elif recipe.where == "together":
        for group in known.joined:
            _tie(group, found)
    for layer in layers:
        sources = known.normalised.get(id(layer), [])
        if not layer.trainable or not sources:
            continue
        if all(id(source) in found and fitting(layer, source) for source in sources):
            rate = found[id(sources[0])].rate
            found[id(layer)] = Choice(rate, follows=tuple(sources))
    return found


def fits(layer: Any, kernel: Tensor | None, rule: Granularity) -> bool:
    """Whether a batch normalisation has one scale or offset a filter of a kernel.

    Args:
        layer: a built batch normalisation.
        kernel: the last one of a layer, or None where that has none.
        rule: what is pruned as one.
    """
    own: list[Any] = [
        v
        for v in (getattr(layer, "gamma", None), getattr(layer, "beta", None))
        if v is not None
    ]
    if not own or kernel is None:
        return False
    units = rule.units(kernel, np.ones(kernel.shape, bool))
    return all(tuple(each.shape) == (units.size,) for each in own)


def _tie(group: list[Any], found: dict[int, Choice]) -> None:
    """Lets layers that are added lose the same filters; none, if one loses none."""
    if not all(id(layer) in found for layer in group):
        for layer in group:
            found.pop(id(layer), None)
        return
    rates = {found[id(layer)].rate for layer in group}
    if len(rates) > 1:
        names = ", ".join(layer.name for layer in group)
        raise LotteryError(
            f"where='together': {names} are added, and have the rates "
            f"{', '.join(sorted(map(str, rates)))}: give them one, or None to leave "
            "all of them whole."
        )
    for layer in group:
        found[id(layer)] = found[id(layer)]._replace(tied=group[0].name)
