"""The tickets of a search's levels, each checked against its level and the one before.

A ticket that is whole may still be another's: trained from it, everything after it
would differ, and nothing would say so.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from lth_keras.errors import LotteryError
from lth_keras.runs import repair
from lth_keras.runs.layout import RunDirectory
from lth_keras.storage import paths
from lth_keras.tickets import files, manifest
from lth_keras.tickets.content import TicketContent

_Content = TypeVar("_Content", bound=TicketContent)


def read(directory: RunDirectory, level: int, kind: type[_Content]) -> _Content:
    """The ticket that a level was trained from.

    Args:
        directory: of the search.
        level: a level that has a ticket.
        kind: the class to make of it.

    Raises:
        LotteryError: it is damaged, of another level, or was not made of the ticket of
            the level before.
    """
    place = directory.level(level)
    with repair.advised(place.root):
        ticket = files.load(place.ticket, kind)
        if ticket.level != level:
            raise LotteryError(
                f"{place.ticket} is a ticket of level {ticket.level}, not of level "
                f"{level}"
            )
        before = directory.level(level - 1).ticket if level else None
        if before is not None and paths.exists(before):
            if not _is_child(ticket, before):
                raise LotteryError(
                    f"{place.ticket} was not made of {before}: its parent is another "
                    "ticket"
                )
        return ticket


def rewound(directory: RunDirectory, kind: type[_Content]) -> _Content:
    """The dense network that every level is rewound to: theta_0, or theta_k.

    Raises:
        LotteryError: it is damaged or no dense network.
    """
    place = directory.level(0)
    if not paths.exists(place.rewind):
        return read(directory, 0, kind)
    with repair.advised(place.root):
        ticket = files.load(place.rewind, kind)
        if ticket.level != 0 or ticket.density != 1.0:
            raise LotteryError(
                f"{place.rewind} is no dense network, but a ticket of level "
                f"{ticket.level} and density {ticket.density:.3g}"
            )
        return ticket


def _is_child(ticket: TicketContent, before: str) -> bool:
    """Whether a ticket's parent is the one in a directory."""
    if ticket.parent == manifest.read(before).fingerprint:
        return True
    # Earlier versions listed the weights of frozen layers last, and a search that went
    # on has its later tickets in the order of ours.
    older = files.load(before, TicketContent)
    places = {(w.path, w.shape): i for i, w in enumerate(older.weights)}
    order = [places.get((w.path, w.shape)) for w in ticket.weights]
    if sorted(i for i in order if i is not None) != list(range(len(older.weights))):
        return False
    weights = tuple(older.weights[i] for i in order if i is not None)
    return dataclasses.replace(older, weights=weights).fingerprint == ticket.parent
