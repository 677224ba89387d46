"""A control of another task's ticket: found on other data, trained on the search's.

"One ticket to win them all" (1906.02773): does what was found on one task serve
another? `transfer+random_reinit` is its mask on newly drawn weights, and
`transfer+random_mask` its densities by layer alone.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from lth_keras.controls.masks import random_mask, whole_at
from lth_keras.controls.registry import Case, Change, register
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.runs.layout import ExperimentDirectory, RunDirectory
from lth_keras.runs.stored import StoredSearch
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths
from lth_keras.tickets import manifest, transferring
from lth_keras.tickets.ticket import Ticket

# Levels are further apart than that; roundings and heads of other sizes are not.
_NEAR = 0.05


def _check(
    model: Any, iterations: Any, *, ticket: str, keep: str = "ticket", head: str = "new"
) -> None:
    """Refuses a path without a ticket, and tickets of another network."""
    transferring.check(keep, head)
    network = Network.of(model)
    source = _any_ticket(ticket)
    transferring.counterparts(source.weights, network, head)


@register("transfer", check=_check, change=Change.MASK, places=("ticket",))
def transfer(
    search: LotterySearch,
    case: Case,
    seed: int,
    *,
    ticket: str,
    keep: str = "ticket",
    head: str = "new",
) -> Case:
    """A ticket of another task, of the same density (1906.02773).

    Args:
        ticket: the directory of a ticket; or of a search, whose ticket of the same
            level is taken; or of several trials, of which the same trial is.
        keep: "ticket" takes the mask and the weights, and trains from step 0; "mask"
            takes the mask alone, on theta_k of this search.
        head: "new" leaves the output layers to this search: their own weights on a
            random mask that keeps as many as its ticket; "ticket" takes them too.

    Raises:
        LotteryError: there is no such ticket, or it is of another density, or does
            not fit the network.
    """
    source = _find(ticket, search.trial, case.ticket.level)
    own = whole_at(search, case) if keep == "mask" else search.initial
    network = search.network
    weights = transferring.transferred(source.weights, own.weights, network, keep, head)
    if head == "new":
        drawn = random_mask(search, case, seed).ticket.weights
        for index in network.head():
            weights[index] = transferring.moved(
                drawn[index], own.weights[index], "mask"
            )
    moved = dataclasses.replace(case.ticket, weights=tuple(weights))
    _check_density(ticket, moved, case.ticket)
    if keep == "ticket":
        moved = dataclasses.replace(moved, step=0, optimizer=own.optimizer)
    return case._replace(ticket=moved)


def _find(path: str, trial: int, level: int) -> Ticket:
    """The ticket that a path names for a level of a trial."""
    if paths.exists(paths.join(path, manifest.NAME)):
        return Ticket.load(path)
    if paths.exists(RunDirectory(path).manifest):
        return StoredSearch(path).ticket(level)
    found = ExperimentDirectory(path)
    if trial not in found.trials():
        raise _nothing(path, f" of trial {trial}" if found.trials() else "")
    return StoredSearch(found.trial(trial).root).ticket(level)


def _any_ticket(path: str) -> Ticket:
    """A ticket of a path, whichever."""
    root, trials = path, ExperimentDirectory(path).trials()
    if trials and not paths.exists(RunDirectory(path).manifest):
        root = ExperimentDirectory(path).trial(trials[0]).root
    levels = [
        level
        for level in RunDirectory(root).levels()
        if paths.exists(RunDirectory(root).level(level).ticket)
    ]
    if not levels and not paths.exists(paths.join(path, manifest.NAME)):
        raise _nothing(path)
    return _find(path, trials[0] if trials else 0, levels[-1] if levels else 0)


def _nothing(path: str, of: str = "") -> LotteryError:
    return LotteryError(
        f"transfer:ticket={path} has no ticket{of}: name the directory of a ticket, of "
        "a search or of its trials, from where this is run."
    )


def _check_density(path: str, moved: Ticket, ticket: Ticket) -> None:
    """Refuses to compare what has another density."""
    if abs(moved.density - ticket.density) > _NEAR * ticket.density:
        raise LotteryError(
            f"transfer:ticket={path} keeps {100 * moved.density:.3g} % of the weights "
            f"and level {ticket.level} {100 * ticket.density:.3g} %: choose the level "
            "of its density, or name a search's directory, whose ticket of each level "
            "is taken."
        )
