"""Controls of another rewind: fine-tuning, learning-rate and weight rewinding."""

from __future__ import annotations

import dataclasses
from typing import Any

from lth_keras.controls import replays
from lth_keras.controls.registry import Case, Change, register
from lth_keras.errors import LotteryError
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import values_of, with_values
from lth_keras.training.points import parse_step


def _check_step(model: Any, iterations: int | None, *, step: str) -> None:
    # Epochs are known when the data are.
    at = 0 if step.endswith("ep") else parse_step(step, None, "step")
    if iterations is not None and at >= iterations:
        raise LotteryError(
            f"weight_rewind:step={step} is past the end of a run of {iterations} "
            "iterations: choose an earlier one."
        )


@register("fine_tune", change=Change.START, own_mask=True, trained=True, later=True)
def fine_tune(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask on the weights it was found in, at the last learning rate (2003.02389).

    The trained weights of the level before are trained on for a whole run, at the
    rate of its schedule's last step; the optimizer's moments start afresh, as no
    level stores them.

    Raises:
        LotteryError: the length of a run is not known.
    """
    # At the rate that the level ended with whose weights these are.
    before = case.ticket.level - 1
    length = search.plan_at(before).iterations
    if length is None:
        raise LotteryError(
            "fine_tune needs the length of a run: pass steps_per_epoch to search.fit."
        )
    ticket = with_values(case.ticket, search.trained_weights(case.ticket.level - 1))
    first = search.ticket(0)
    return Case(
        dataclasses.replace(ticket, step=0, optimizer=first.optimizer),
        dataclasses.replace(case.plan, after=length),
    )


@register("lr_rewind", change=Change.START, own_mask=True, trained=True, later=True)
def lr_rewind(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask on the weights it was found in, the schedule rewound (2003.02389).

    As `fine_tune`, but learning rate and optimizer begin at the ticket's own step.
    """
    values = search.trained_weights(case.ticket.level - 1)
    return case._replace(ticket=with_values(case.ticket, values))


@register(
    "weight_rewind",
    check=_check_step,
    change=Change.START,
    shares=True,
    once=True,
    trained=True,
    dense=True,
)
def weight_rewind(search: LotterySearch, case: Case, seed: int, *, step: str) -> Case:
    """Weights, schedule and optimizer rewound to another step (2003.02389).

    The dense network is trained again up to that step, unless the search itself
    rewinds to it.

    Args:
        step: "500it" or "2ep", before the end of a run.

    Raises:
        LotteryError: the step is no point in a run, or data cannot begin there.
    """
    at = parse_step(step, case.plan.feed.steps_per_epoch, "step")
    source = replays.theta_at(search, case.plan, at)
    fresh = search.fresh_optimizer
    optimizer = search.ticket(0).optimizer if fresh else source.optimizer
    ticket = with_values(case.ticket, values_of(source))
    return case._replace(
        ticket=dataclasses.replace(ticket, step=at, optimizer=optimizer)
    )
