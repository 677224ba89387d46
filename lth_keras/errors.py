"""What went wrong, in one line for the user; imports only what Python has."""

from __future__ import annotations

import re
from typing import Any

_SHOWN = 200  # characters of a value
# Of a text without a space, as a path is; beyond it the rest says nothing.
_UNBROKEN = re.compile(r"\S{401,}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST = 4000  # characters of a message


class LotteryError(ValueError):
    """A request that cannot be carried out; the message says what to do.

    The message is one line, whatever the values in it hold.
    """

    def __init__(self, *arguments: Any):
        super().__init__(
            *(_one_line(a) if isinstance(a, str) else a for a in arguments)
        )


def shown(value: Any) -> str:
    """A value as a message shows it: its `repr` in one line, cut at 200 characters."""
    try:
        text = repr(value[: _SHOWN + 1] if isinstance(value, (bytes, str)) else value)
    except Exception:  # As Python does for integers of more than 4,300 digits.
        text = f"<{type(value).__name__}>"
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _one_line(text: str) -> str:
    """A text without what ends a line or moves a cursor, and not without an end."""
    text = _CONTROLS.sub(" ", text)
    text = _UNBROKEN.sub(lambda found: found[0][: _SHOWN - 3] + "...", text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


class DivergedError(LotteryError):
    """The training loss became NaN; what was finished before stays."""
