"""Points in training: "500it", "2ep", and whether a `fit` stops at them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from lth_keras.arguments import count
from lth_keras.errors import LotteryError, shown
from lth_keras.training.plan import Plan

_STEP = re.compile(r"(\d{1,15})(it|ep)")


def parse_step(
    step: int | str, steps_per_epoch: int | None, name: str = "rewind_to"
) -> int:
    """A point in training as a number of iterations.

    Args:
        step: "500it" (iterations), "2ep" (epochs) or an int (iterations).
        steps_per_epoch: iterations per epoch; needed for "ep" alone.
        name: the argument to name in an error.

    Raises:
        LotteryError: text of another form, a negative number, or epochs where the
            length of an epoch is not known.
    """
    if not isinstance(step, str):
        with contextlib.suppress(LotteryError):
            return count(name, step, 0, "iterations")
    match = _STEP.fullmatch(step.strip()) if isinstance(step, str) else None
    if match is None:
        raise LotteryError(
            f"{name}={shown(step)} is not a point in training: write iterations "
            "as '500it' or epochs as '2ep'."
        )
    number, unit = int(match[1]), match[2]
    if unit == "it" or number == 0:
        return number
    if steps_per_epoch is None:
        raise LotteryError(
            f"{name}={step!r} counts epochs, but the length of an epoch is not "
            "known: write iterations as '500it', or pass steps_per_epoch."
        )
    return number * steps_per_epoch


def check_lengths(plan: Plan, levels: int) -> None:
    """Refuses generators of which nobody says how much an epoch or a validation takes.

    One that ends is empty when it is read again; one without an end never stops.

    Raises:
        LotteryError: names the argument to pass.
    """
    data, passed_on = plan.fit_arguments.get("validation_data"), plan.fit_arguments
    if levels and plan.iterations is None:
        raise LotteryError(
            "x is a generator, which cannot begin again: pass steps_per_epoch, and let "
            "it go on without an end."
        )
    again = levels or plan.epochs - plan.first_epoch > 1
    # Keras's own flows of images have `__next__` too.
    ends = isinstance(data, Iterator) and not isinstance(
        data, plan.trainer.keras.utils.Sequence
    )
    if again and ends and not passed_on.get("validation_steps"):
        raise LotteryError(
            "validation_data is a generator, which cannot begin again: pass "
            "validation_steps, and let it go on without an end, or give arrays or a "
            "Dataset."
        )


def check_alignment(model: Any, plan: Plan, rewind_step: int) -> None:
    """Refuses steps_per_execution that passes over a step we must stop at.

    Raises:
        LotteryError: names the step and the number that does not fit.
    """
    stride, total = plan.trainer.steps_per_execution(model), plan.iterations
    if stride == 1 or total is None:
        return
    steps = plan.feed.steps_per_epoch or total
    if steps % stride and not plan.trainer.cuts_executions:
        raise LotteryError(
            f"steps_per_execution={stride} passes over the end of an epoch of {steps} "
            "iterations, since Keras 3 cuts none short: choose one that divides it."
        )

    def check(step: int, name: str, value: Any) -> None:
        if step % steps % stride:
            raise LotteryError(
                f"{name}={value!r}: steps_per_execution={stride} passes over iteration "
                f"{step} (an epoch has {steps}): choose a steps_per_execution that "
                f"divides it."
            )

    check(rewind_step, "rewind_to", rewind_step)
    if plan.evaluate_every:
        for step in range(plan.evaluate_every, total + 1, plan.evaluate_every):
            check(step, "evaluate_every", plan.evaluate_every)
