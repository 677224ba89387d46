"""Levels of different length: epochs or steps_per_epoch as f(level), or a course."""

from __future__ import annotations

import dataclasses
from typing import Any

from lth_keras import arguments
from lth_keras.errors import LotteryError
from lth_keras.pruning.recipes import Course
from lth_keras.training.arguments import check_counts
from lth_keras.training.plan import Length, Plan


def at(name: str, given: Any, level: int) -> Any:
    """A number of epochs or steps at a level.

    Args:
        name: of the argument.
        given: a number, or f(level) -> number.
        level: which.

    Raises:
        LotteryError: the function raised, or is of something else.
    """
    if not callable(given):
        return given
    function = arguments.function(name, given, "f(level) -> a number", [level])
    try:
        found = function(level)
    except Exception as error:  # Whatever a function of the user's raises.
        raise LotteryError(
            f"{name}({level}) raised {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}"
        ) from error
    return arguments.count(f"{name}({level})", found, 1, "the length of a level")


def by_level(
    plan: Plan,
    levels: int,
    epochs: Any,
    steps_per_epoch: Any,
    course: Course | None,
    multiple: int = 1,
) -> Plan:
    """The plan with the lengths of its levels, if these differ.

    Args:
        plan: of level 0.
        levels: the last level.
        epochs: of a level, a number or f(level).
        steps_per_epoch: the same of an epoch.
        course: makes all levels but the last shorter, or None.
        multiple: shorter ones have a multiple of as many steps.

    Raises:
        LotteryError: a function returned no length, or the length of an epoch is not
            known.
    """
    if course is None and not callable(epochs) and not callable(steps_per_epoch):
        return plan
    found = []
    for level in range(levels + 1):
        steps = at("steps_per_epoch", steps_per_epoch, level)
        length = Length(
            at("epochs", epochs, level),
            plan.feed.steps_per_epoch if steps is None else steps,
        )
        check_counts(length.epochs, plan.first_epoch, None, length.steps, None)
        if course is not None and level < levels:
            length = _shortened(length, plan.first_epoch, course, multiple)
        found.append(length)
    first = found[0]
    return dataclasses.replace(
        plan,
        epochs=first.epochs,
        feed=plan.feed.of_steps(first.steps),
        lengths=tuple(found),
    )


def _shortened(
    length: Length, first_epoch: int, course: Course, multiple: int
) -> Length:
    """Whole epochs where they come to the length of the course, else one of all."""
    if length.steps is None:
        raise LotteryError(
            "recipe= shortens levels, and the length of an epoch is not known: pass "
            "steps_per_epoch."
        )
    whole = (length.epochs - first_epoch) * length.steps
    steps = course.iterations(whole, multiple)
    epochs, rest = divmod(steps, length.steps)
    if rest:
        return Length(first_epoch + 1, steps)
    return Length(first_epoch + epochs, length.steps)
