"""A ticket with other masks or other weights, for controls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from lth_keras.masking import followers
from lth_keras.masking.network import Network
from lth_keras.pruning import masks
from lth_keras.tickets.ticket import Ticket


def values_of(ticket: Ticket) -> list[np.ndarray]:
    return [weight.value for weight in ticket.weights]


def pruned_places(ticket: Ticket) -> list[int]:
    """Positions of the prunable weights among all."""
    return [i for i, weight in enumerate(ticket.weights) if weight.mask is not None]


def settled(ticket: Ticket, network: Network) -> Ticket:
    """The ticket in which what goes with pruned filters is +0.0 too.

    Args:
        ticket: with its weights in the order of the network.
        network: of the wrapped model that it is for.
    """
    if len(network.held) == len(network.pruned):
        return ticket
    chosen = [mask for _, mask in ticket.pruned()]
    return with_values(
        ticket, followers.settled(network, values_of(ticket), chosen), chosen
    )


def with_values(
    ticket: Ticket,
    values: Iterable[np.ndarray],
    chosen: Iterable[np.ndarray] | None = None,
) -> Ticket:
    """The ticket with other values, and with other masks if any are given."""
    new = iter(chosen) if chosen is not None else None
    found = []
    for weight, value in zip(ticket.weights, values, strict=True):
        mask, frozen = weight.mask, weight.frozen
        if mask is not None:
            before = mask
            mask = mask if new is None else next(new)
            if not np.array_equal(mask, before):
                frozen = None  # What another mask prunes was not.
            value = masks.apply(np.asarray(value), mask)
        changed = dataclasses.replace(weight, value=value, mask=mask, frozen=frozen)
        found.append(changed)
    return dataclasses.replace(ticket, weights=tuple(found))
