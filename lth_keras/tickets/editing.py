"""A ticket with other masks or other weights, for controls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from lth_keras.pruning import masks
from lth_keras.tickets.ticket import Ticket


def values_of(ticket: Ticket) -> list[np.ndarray]:
    return [weight.value for weight in ticket.weights]


def pruned_places(ticket: Ticket) -> list[int]:
    """Positions of the prunable weights among all."""
    return [i for i, weight in enumerate(ticket.weights) if weight.mask is not None]


def with_values(
    ticket: Ticket,
    values: Iterable[np.ndarray],
    chosen: Iterable[np.ndarray] | None = None,
) -> Ticket:
    """The ticket with other values, and with other masks if any are given."""
    new = iter(chosen) if chosen is not None else None
    found = []
    for weight, value in zip(ticket.weights, values, strict=True):
        mask = weight.mask
        if mask is not None:
            mask = mask if new is None else next(new)
            value = masks.apply(np.asarray(value), mask)
        found.append(dataclasses.replace(weight, value=value, mask=mask))
    return dataclasses.replace(ticket, weights=tuple(found))
