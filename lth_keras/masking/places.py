"""Weights that are put on masks where they are, in models of either Keras."""

from __future__ import annotations

from typing import Any, NamedTuple

from lth_keras.pruning.counts import RoundRate


class Place(NamedTuple):
    """A weight in the layer that has it.

    Attributes:
        layer: the innermost layer.
        name: of the weight there.
        variable: the weight.
    """

    layer: Any
    name: str
    variable: Any


class Pruned(NamedTuple):
    """A weight that is pruned.

    Attributes:
        place: where it is.
        rate: share of its surviving units pruned per round, or in each of some.
        tied: a name that weights have in common whose filters go together; or "".
    """

    place: Place
    rate: RoundRate
    tied: str = ""


class Following(NamedTuple):
    """A weight that goes with filters.

    Attributes:
        place: where it is.
        kernels: the weights with whose filters it goes.
    """

    place: Place
    kernels: tuple[Any, ...]
