"""How --lr_decay is written: none, cosine, or cosine:cycles=4."""

from __future__ import annotations

from lth_keras.arguments import count
from lth_keras.errors import LotteryError
from lth_keras.programs.values import Value
from lth_keras.pruning import written

NONE = "none"


def cycles_of(asked: str) -> int:
    """How often the learning rate falls from full to 0: 0 for none, or 1 and more.

    Raises:
        LotteryError: no such decay.
    """
    if asked == NONE:
        return 0
    name, *settings = written.parts(asked)
    if name != "cosine":
        raise LotteryError(f"--lr_decay={asked}: use {NONE} or cosine.")
    given = written.read("decay", asked, settings, {"cycles": 1})
    return count("cycles", given.get("cycles", 1), 1, "a number of cycles")


def value() -> Value:
    """The reader of the flag."""
    return Value(str, _is_decay, "use none, cosine, or cosine:cycles=4")


def _is_decay(asked: str) -> bool:
    try:
        cycles_of(asked)
    except LotteryError:
        return False
    return True
