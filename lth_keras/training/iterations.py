"""Does a `fit` stop at points in training, whatever steps_per_execution is?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.training.plan import Plan


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
