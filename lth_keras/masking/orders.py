"""In which order does a stored list of a network's weights have them?

Lists of before there was an order of ours have Keras's own, which changes when a layer
is frozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from lth_keras.masking.weight import Weight


class Listed(Protocol):
    """A weight in a stored list."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]: ...


def places(
    weights: Sequence[Weight], keras_order: Sequence[int], listed: Sequence[Listed]
) -> list[int]:
    """For each of a network's weights its position in a stored list of the same.

    A list in the order of the network is taken as it is, whatever the names; one
    of before there was such an order is told by Keras's own, by names or by kinds.

    Args:
        weights: of the network, in its order.
        keras_order: their positions as Keras lists them now.
        listed: as many weights as the network has.
    """
    own = list(range(len(listed)))
    if list(keras_order) == own or len(listed) != len(keras_order):
        return own
    older = [weights[index] for index in keras_order]
    for told in (_path, _kind):
        given = [told(weight) for weight in listed]
        if given == [told(weight) for weight in weights]:
            return own
        if given == [told(weight) for weight in older]:
            return [keras_order.index(index) for index in own]
    return own


def _path(weight: Listed) -> Any:
    return weight.path


def _kind(weight: Listed) -> Any:
    return weight.kind, weight.name, weight.shape
