"""Which weight of a ticket goes to which weight of a model."""

from __future__ import annotations

from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.masking.weights import Weight
from lth_keras.tickets.content import TicketWeight


def by_layer(weights: Any) -> list[list[Any]]:
    """Consecutive weights of one layer together."""
    groups: list[list[Any]] = []
    for weight in weights:
        if groups and groups[-1][-1].layer == weight.layer:
            groups[-1].append(weight)
        else:
            groups.append([weight])
    return groups


def shape_of(weight: Any) -> tuple[int, ...]:
    return tuple(weight.value.shape if hasattr(weight, "value") else weight.shape)


def key_of(group: list[Any]) -> tuple[Any, ...]:
    return tuple((w.kind, w.name, shape_of(w)) for w in group)


def check_same(ours: tuple[TicketWeight, ...], theirs: list[Weight]) -> None:
    hint = "pass strict=False to skip what does not match."
    for mine, target in zip(ours, theirs, strict=False):
        if (mine.kind, shape_of(mine)) != (target.kind, target.shape):
            raise LotteryError(
                f"the ticket does not fit: its weight {mine.path} is of a {mine.kind} "
                f"with shape {shape_of(mine)}, the model's {target.path} of a "
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


def check_can_hold(weight: TicketWeight, target: Weight) -> None:
    """A wrapped model must have a mask wherever the ticket prunes."""
    if target.mask is None and weight.mask is not None and not weight.mask.all():
        raise LotteryError(
            f"the ticket prunes {weight.path}, but the model's {target.path} is on no "
            "mask: wrap the model with the ticket's own rates and exclusions."
        )
