"""Which weight of a ticket goes to which weight of a model."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.masking.weight import Weight
from lth_keras.tickets.content import TicketWeight

Pairs = list[tuple[TicketWeight, Weight]]


def matched(
    ours: Sequence[TicketWeight], network: Network, strict: bool
) -> tuple[Pairs, list[str]]:
    """Pairs of a ticket's weights and a model's, by position, class and shape.

    Args:
        ours: the ticket's.
        network: of the model.
        strict: whether every weight must have a counterpart.

    Returns:
        The pairs, and the paths of the model's weights that have none.

    Raises:
        LotteryError: names the first weight that does not match, and how.
    """
    theirs = network.weights
    if len(ours) == len(theirs):
        ours = [ours[index] for index in network.places(ours)]
    if not strict:
        return common(ours, theirs)
    _check_same(ours, theirs)
    return list(zip(ours, theirs, strict=True)), []


def check_can_hold(weight: TicketWeight, target: Weight) -> None:
    """A wrapped model must have a mask wherever the ticket prunes.

    Raises:
        LotteryError: names the weight that has none.
    """
    if target.mask is None and weight.mask is not None and not weight.mask.all():
        raise LotteryError(
            f"the ticket prunes {weight.path}, but the model's {target.path} is on no "
            "mask: wrap the model with the ticket's own rates and exclusions, and "
            "freeze layers (trainable=False) only then."
        )


def common(
    ours: Sequence[TicketWeight], theirs: Sequence[Weight]
) -> tuple[Pairs, list[str]]:
    """Pairs of the layers that both have, in their order; and what else a model has.

    Raises:
        LotteryError: there is none.
    """
    mine, others = _by_layer(ours), _by_layer(theirs)
    matcher = difflib.SequenceMatcher(
        None, [_key(g) for g in mine], [_key(g) for g in others], autojunk=False
    )
    pairs: Pairs = []
    for i, j, size in matcher.get_matching_blocks():
        for group, targets in zip(
            mine[i : i + size], others[j : j + size], strict=True
        ):
            pairs.extend(zip(group, targets, strict=True))
    if not pairs:
        raise LotteryError(
            "the ticket does not fit: no layer of the model has the class and the "
            "shapes of one of its layers, in its order."
        )
    taken = {id(target) for _, target in pairs}
    return pairs, [t.path for t in theirs if id(t) not in taken]


def _by_layer(weights: Sequence[Any]) -> list[list[Any]]:
    """Consecutive weights of one layer together."""
    groups: list[list[Any]] = []
    for weight in weights:
        if groups and groups[-1][-1].layer == weight.layer:
            groups[-1].append(weight)
        else:
            groups.append([weight])
    return groups


def _key(group: list[Any]) -> tuple[Any, ...]:
    return tuple((w.kind, w.name, w.shape) for w in group)


def _check_same(ours: Sequence[TicketWeight], theirs: Sequence[Weight]) -> None:
    hint = "pass strict=False to skip what does not match."
    for mine, target in zip(ours, theirs, strict=False):
        if (mine.kind, mine.shape) != (target.kind, target.shape):
            raise LotteryError(
                f"the ticket does not fit: its weight {mine.path} is of a {mine.kind} "
                f"with shape {mine.shape}, the model's {target.path} of a "
                f"{target.kind} with shape {target.shape}; {hint}"
            )
    if len(ours) != len(theirs):
        more = ours[len(theirs) :] or theirs[len(ours) :]
        side = "ticket" if len(ours) > len(theirs) else "model"
        raise LotteryError(
            f"the ticket does not fit: it has {len(ours)} weights, the model "
            f"{len(theirs)}; the first that only the {side} has is {more[0].path}; "
            f"{hint}"
        )
