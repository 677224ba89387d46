"""How a search gets to its density: in which rounds, and how long its levels are.

search = lth.LotterySearch(model, levels=15, directory=..., recipe="thrifty")
search = lth.LotterySearch(model, levels=15, directory=...,
                           recipe=lth.recipes.thrifty(length=0.37))

Accuracies of each beside the paper's search: docs/cheaper_tickets.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from lth_keras import arguments
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import written

# The paper's own search, in which every round and every level is whole.
FULL = "full"


@dataclasses.dataclass(frozen=True)
class Course:
    """Fewer rounds than a search has, and shorter ones; the last level is whole.

    The last level has the counts of the level that was asked for, weight for weight.

    Attributes:
        rounds: of how many rounds one is carried out, in (0, 1].
        length: iterations of each level but the last, of those of the last, in (0, 1].
    """

    rounds: float
    length: float

    def __post_init__(self) -> None:
        for name in ("rounds", "length"):
            share = arguments.number(getattr(self, name))
            if not 0.0 < share <= 1.0:
                raise LotteryError(
                    f"{name}={shown(getattr(self, name))}: give a share of the "
                    "search's own, above 0 and at most 1, such as 0.5."
                )
            object.__setattr__(self, name, share)

    def levels(self, levels: int) -> int:
        """The number of rounds in place of `levels`; one at least, if there are any."""
        return max(min(levels, 1), round(self.rounds * levels))

    def iterations(self, whole: int, multiple: int = 1) -> int:
        """Training steps of a level but the last.

        Args:
            whole: of the last.
            multiple: of which the number is one, rounded up; at most `whole`.
        """
        steps = max(1, round(self.length * whole))
        return min(whole, -(-steps // multiple) * multiple)


def thrifty(rounds: float = 2 / 3, length: float = 0.5) -> Course:
    """Two thirds of the rounds, each of half a level: a third of the iterations.

    Args:
        rounds: of how many rounds of the search one is carried out, in (0, 1].
        length: iterations of each level but the last, of a whole level, in (0, 1].
    """
    return Course(rounds, length)


NAMED: dict[str, Callable[..., Course]] = {"thrifty": thrifty}


def parse(asked: Any) -> Course | None:
    """The course that is asked for, None for the paper's own.

    Args:
        asked: a `Course`, None, or text: "full", "thrifty", "thrifty:length=0.37".

    Raises:
        LotteryError: there is none of that name, or a setting is wrong.
    """
    if asked is None or isinstance(asked, Course):
        return asked
    name, *settings = asked.split(":") if isinstance(asked, str) else [""]
    if name == FULL and not settings:
        return None
    if name not in NAMED:
        raise LotteryError(
            f"recipe={shown(asked)} is not known: use {FULL}, "
            f"{', '.join(NAMED)} or one with settings, as thrifty:length=0.4."
        )
    known = {"rounds": 1.0, "length": 1.0}
    return NAMED[name](**written.read("recipe", asked, settings, known))
