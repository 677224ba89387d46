"""Points in training as they are written: "500it", "2ep"."""

from __future__ import annotations

import contextlib
import re

from lth_keras.arguments import count
from lth_keras.errors import LotteryError, shown

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
