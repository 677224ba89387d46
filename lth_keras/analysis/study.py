"""Which networks an experiment trains several times, and how the lines are measured.

study = lth.analysis.Study(levels=[0, 7], rewind_to=["0it", "100it", "500it"])
lth.Experiment(make_search, trials=3, directory="runs/x", stability=study).run()
for found in lth.analysis.stability("runs/x"): print(found)
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

from lth_keras.analysis import children as starts
from lth_keras.analysis.connectivity import Measured
from lth_keras.arguments import MOST_CHILDREN, MOST_LEVELS, count, listed
from lth_keras.controls import syntax
from lth_keras.controls.registry import REGISTRY, Change
from lth_keras.errors import LotteryError, shown
from lth_keras.runs.summaries import TICKET
from lth_keras.training.points import parse_step


@dataclasses.dataclass(frozen=True)
class Children:
    """The networks that are trained from one start, in each trial.

    Attributes:
        of: what is trained, as of `instability`.
        level: whose mask they have.
        step: iteration k that they start from.
        control: the control whose replicates they are.
        number: how many there are.
        measured: how the lines between them are.
    """

    of: str
    level: int
    step: int
    control: str
    number: int
    measured: Measured

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The replicates at the two ends of each line."""
        return list(itertools.combinations(range(self.number), 2))

    @property
    def about(self) -> dict[str, Any]:
        """What is stored with a line of them."""
        return {"of": self.of, "rewind_to": self.step}


@dataclasses.dataclass(frozen=True)
class Study:
    """The stability of some levels from some iterations (1912.05671).

    Args:
        levels: whose masks are trained; 0 is the dense network.
        rewind_to: iterations k that children start from: "0it", "500it", "2ep", or a
            list of these. What starts from weights of its own is trained from "0it".
        of: what is trained: "ticket", "inits", or controls; see `instability`. A name,
            or a list.
        children: networks that are trained from each start; every pair is a line.
        alphas: evenly spaced places on each line.
        examples: errors are of the first so many test and training examples; None for
            all.

    Raises:
        LotteryError: an argument is out of range, or a control is not known.
    """

    levels: Iterable[int]
    rewind_to: int | str | Iterable[int | str] = "0it"
    of: str | Iterable[str] = TICKET
    children: int = 2
    alphas: int = 30
    examples: int | None = 10_000

    def __post_init__(self) -> None:
        levels = listed("levels", self.levels, "a list of levels, such as [0, 7]")
        found = {count("levels", n, 0, "levels", MOST_LEVELS) for n in levels}
        if not found:
            raise LotteryError("levels=[]: name one or more; 0 is the dense network.")
        single = isinstance(self.of, str)
        names = [self.of] if single else listed("of", self.of, "names of controls")
        steps: Any = self.rewind_to
        if not isinstance(steps, Iterable) or isinstance(steps, str):
            steps = [steps]
        steps = listed("rewind_to", steps, "iterations, such as ['0it', '500it']")
        for step in steps:
            parse_step(step, 1)
        if not names or not steps:
            raise LotteryError(
                f"of={shown(self.of)}, rewind_to={shown(self.rewind_to)}: name one or "
                "more of each."
            )
        children = count("children", self.children, 2, "networks", MOST_CHILDREN)
        measured = Measured(self.alphas, self.examples).check()
        for name, value in (
            ("levels", tuple(sorted(found))),
            ("of", tuple(dict.fromkeys(map(starts.check, names)))),
            ("rewind_to", tuple(dict.fromkeys(steps))),
            ("children", children),
            ("alphas", measured.alphas),
            ("examples", measured.examples),
        ):
            object.__setattr__(self, name, value)

    def starts(
        self, steps_per_epoch: int | None = None, first: str = "train"
    ) -> list[Children]:
        """What is trained in each trial.

        Args:
            steps_per_epoch: iterations per epoch; needed for "2ep" alone.
            first: what the search begins a level with.

        Raises:
            LotteryError: no iteration is one that a control can start from, or a
                control of what a mask prunes is asked for at level 0.
        """
        found = [
            Children(
                of,
                level,
                step,
                starts.control_of(of, step, first),
                self.children,
                Measured(self.alphas, self.examples),
            )
            for of in self.of
            for step in self._steps_of(of, steps_per_epoch)
            for level in self.levels
            if level or not _is_of_masks(of)
        ]
        if not found:
            raise LotteryError(
                f"of={','.join(self.of)} says nothing of levels={list(self.levels)}: "
                "a mask of the dense network prunes nothing; name a pruned level."
            )
        return found

    def _steps_of(self, of: str, steps_per_epoch: int | None) -> list[int]:
        given: Any = self.rewind_to
        steps = [parse_step(step, steps_per_epoch) for step in given]
        if of == TICKET or not starts.has_own_weights(of):
            return steps
        if 0 not in steps:
            raise LotteryError(
                f"of={of} starts from weights of its own: add rewind_to='0it' for it."
            )
        return [0]


def _is_of_masks(of: str) -> bool:
    if of in (TICKET, starts.INITS):
        return False
    names = (name for name, _ in syntax.parse(of).steps)
    return any(REGISTRY.get(n).change in (Change.MASK, Change.PLACES) for n in names)
