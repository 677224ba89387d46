"""A ticket on another task: which of its masks and weights go to which of a network's.

Other data, another head, another optimizer ("One ticket to win them all", 1906.02773):
what is before the head must be the same layers; the head is the new network's own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lth_keras.arguments import among
from lth_keras.errors import LotteryError, shown
from lth_keras.masking.network import Network
from lth_keras.masking.weight import Weight
from lth_keras.pruning import masks
from lth_keras.tickets import matching
from lth_keras.tickets.content import TicketWeight

KEEP, HEAD = ("ticket", "mask"), ("new", "ticket")


def check(keep: str, head: str) -> None:
    """Refuses what can not be kept, and heads that are not known.

    Raises:
        LotteryError: says what can.
    """
    if not among(keep, KEEP):
        raise LotteryError(
            f"keep={shown(keep)} is not known: use 'ticket', its mask and weights, or "
            "'mask', its mask on the model's own."
        )
    if not among(head, HEAD):
        raise LotteryError(
            f"head={shown(head)} is not known: use 'new', the model's own output "
            "layers, or 'ticket', the ticket's."
        )


def transferred(
    source: Sequence[TicketWeight],
    own: Sequence[TicketWeight],
    network: Network,
    keep: str = "ticket",
    head: str = "new",
) -> list[TicketWeight]:
    """A network's own weights with the masks of a ticket, and with its weights.

    Args:
        source: the weights of the ticket.
        own: those of the network, without a mask that prunes, in its order.
        network: of the wrapped model that they are for.
        keep: "ticket" takes masks and weights, biases and normalisation too; "mask"
            takes the masks alone.
        head: "new" leaves the output layers as they are, whole; "ticket" takes them
            from the ticket as all others.

    Raises:
        LotteryError: as of `counterparts`.
    """
    check(keep, head)
    given = counterparts(source, network, head)
    return [
        mine if theirs is None else moved(theirs, mine, keep)
        for theirs, mine in zip(given, own, strict=True)
    ]


def counterparts(
    source: Sequence[TicketWeight], network: Network, head: str
) -> list[TicketWeight | None]:
    """Of each weight of a network the ticket's; None for those of a new head.

    Raises:
        LotteryError: names the first other weight without one, or without a mask
            where the ticket prunes.
    """
    targets = network.weights
    new = network.head() if head == "new" else set()
    if len(source) == len(targets):
        listed = [source[index] for index in network.places(source)]
        pairs = {i: mine for i, mine in enumerate(listed) if i not in new}
    else:
        rest = [weight for i, weight in enumerate(targets) if i not in new]
        found, _ = matching.common(source, rest)
        by_target = {id(target): mine for mine, target in found}
        pairs = {
            i: by_target[id(t)] for i, t in enumerate(targets) if id(t) in by_target
        }
    for index, target in enumerate(targets):
        mine = pairs.get(index)
        if index in new or mine is not None and _fits(mine, target):
            continue
        beside = "" if mine is None else f"; the ticket's {mine.path} is {_said(mine)}"
        raise LotteryError(
            f"the ticket has nothing for the model's {target.path}, {_said(target)}"
            f"{beside}: a ticket goes to a network of its own layers"
            f"{', but for the output' if new else ', and head=new leaves the output'}."
        )
    for index, mine in pairs.items():
        matching.check_can_hold(mine, targets[index])
    return [pairs.get(index) for index in range(len(targets))]


def moved(theirs: TicketWeight, mine: TicketWeight, keep: str) -> TicketWeight:
    """One weight of a network as another has it.

    Args:
        theirs: the other's.
        mine: the network's own, without a mask that prunes.
        keep: as in `transferred`.
    """
    whole = keep == "ticket"
    value = theirs.value if whole else mine.value
    if mine.mask is None:
        value = theirs.effective if whole else mine.value
        return dataclasses.replace(mine, value=value.astype(mine.value.dtype))
    mask = np.ones(mine.shape, bool) if theirs.mask is None else theirs.mask
    value = masks.apply(value.astype(mine.value.dtype), mask)
    frozen = theirs.frozen if whole else None
    return dataclasses.replace(mine, value=value, mask=mask, frozen=frozen)


def _fits(mine: TicketWeight, target: Weight) -> bool:
    return (mine.kind, mine.shape) == (target.kind, target.shape)


def _said(weight: TicketWeight | Weight) -> str:
    return f"a {weight.kind}'s of shape {weight.shape}"
