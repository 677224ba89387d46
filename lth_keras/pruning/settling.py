"""When has a mask settled? The distance of the masks that training would give.

    stop = lth.MaskConverged(threshold=0.1, window=5)
    search = lth.LotterySearch(model, levels=3, directory="runs/early", stop=stop)

"Drawing Early-Bird Tickets" (1909.11957, section 3): the mask of a round is settled
long before the training is over whose weights it ranks.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lth_keras import arguments
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import written
from lth_keras.pruning.units import Arrays

NAME = "mask_converged"
SHARES = ("survivors", "pruned")


@dataclasses.dataclass(frozen=True)
class MaskConverged:
    """A level ends when the mask that it would give the next one has settled.

    At each evaluation the next round is tried on the weights as they are. The distance
    of two masks is the number of units in which they differ; what counts is the largest
    one between the newest mask and those of the evaluations before it.

    Args:
        threshold: the distance at which a mask has settled, in [0, 1]; the paper: 0.1.
        window: evaluations before the newest whose masks it is compared with; the
            paper: 5, of epochs.
        of: what the distance is a share of. "survivors": the units that the level
            began with, as in the paper; a round of rate r cannot come to more than
            2r. "pruned": the share of the pruned units that were others before.

    Raises:
        LotteryError: an argument is out of range.
    """

    threshold: float = 0.1
    window: int = 5
    of: str = "survivors"

    def __post_init__(self) -> None:
        threshold = arguments.number(self.threshold)
        if not 0.0 <= threshold <= 1.0:
            raise LotteryError(
                f"threshold={shown(self.threshold)}: give a distance from 0 to 1."
            )
        window = arguments.count("window", self.window, 1, "a number of evaluations")
        if not arguments.among(self.of, SHARES):
            raise LotteryError(
                f"of={shown(self.of)} is not known: use 'survivors' or 'pruned'."
            )
        object.__setattr__(self, "threshold", threshold)
        object.__setattr__(self, "window", window)

    def settings(self) -> dict[str, Any]:
        """Name and parameters as plain data, which search.json holds."""
        return {"name": NAME, **dataclasses.asdict(self)}

    def distance(self, newest: Arrays, before: Arrays, begun: Arrays) -> float:
        """The distance of two masks, in [0, 1].

        Args:
            newest: a boolean per unit of each tensor: whether it is kept.
            before: the same of another mask.
            begun: the same of the mask that both are chosen from.
        """
        differing = sum(_count(a != b) for a, b in zip(newest, before, strict=True))
        surviving = sum(map(_count, begun))
        if self.of == "survivors":
            return differing / surviving if surviving else 0.0
        pruned = 2 * surviving - sum(map(_count, newest)) - sum(map(_count, before))
        return differing / pruned if pruned else 0.0


class Watch:
    """The masks of one level, evaluation by evaluation.

    Args:
        rule: when they have settled.
        begun: a boolean per unit of each tensor: whether the level began with it.
    """

    def __init__(self, rule: MaskConverged, begun: Arrays):
        self._rule, self._begun = rule, begun
        self._before: collections.deque[Arrays] = collections.deque(maxlen=rule.window)

    def add(self, units: Arrays) -> tuple[float, bool]:
        """Takes the mask of an evaluation.

        Args:
            units: a boolean per unit of each tensor: whether the mask keeps it.

        Returns:
            The largest distance to the masks before it, NaN for the first, and whether
            it has settled: only where there are as many as the window.
        """
        rule = self._rule
        found = [rule.distance(units, each, self._begun) for each in self._before]
        full = len(self._before) == rule.window
        self._before.append(units)
        largest = max(found, default=float("nan"))
        return largest, full and largest <= rule.threshold


def parse(asked: Any) -> MaskConverged | None:
    """Reads when levels end as users write it.

    Args:
        asked: "mask_converged", "mask_converged:threshold=0.02:of=pruned", or "none".

    Raises:
        LotteryError: it is none of these, or a value is not allowed.
    """
    arguments.text("stop", asked, f"'{NAME}' or 'none'")
    name, *settings = written.parts(asked)
    if asked == "none":
        return None
    if name != NAME:
        raise LotteryError(f"stop {shown(name)} is not known: use {NAME} or none.")
    known = {f.name: f.default for f in dataclasses.fields(MaskConverged)}
    return MaskConverged(**written.read("stop", asked, settings, known))


def _count(where: np.ndarray | Sequence[bool]) -> int:
    return int(np.count_nonzero(where))
