"""Linear mode connectivity: is training stable to the order of its data? (1912.05671)

found = lth.analysis.instability(search, level=7, rewind_to="500it")
found.instability     # points; below 2 is called stable
found.errors          # a line of 30 errors for each pair of children
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

from lth_keras.analysis import children as starts
from lth_keras.analysis import networks
from lth_keras.analysis.along import Along, ready
from lth_keras.arguments import (
    MOST_ALPHAS,
    MOST_CHILDREN,
    MOST_LEVELS,
    count,
    instance,
)
from lth_keras.controls import running, syntax
from lth_keras.errors import LotteryError
from lth_keras.runs import lines, stability
from lth_keras.runs.lines import Line
from lth_keras.runs.stability import Stability
from lth_keras.search.search import LotterySearch
from lth_keras.storage import directories, locks, paths
from lth_keras.training.points import parse_step


@dataclasses.dataclass(frozen=True)
class Measured:
    """How a line is measured.

    Attributes:
        alphas: evenly spaced places on it, both ends among them.
        examples: the most of test and of training data; None for all.
    """

    alphas: int = 30
    examples: int | None = 10_000

    def check(self) -> Measured:
        """The same.

        Raises:
            LotteryError: one of the numbers is out of range.
        """
        alphas = count("alphas", self.alphas, 2, "places on a line", MOST_ALPHAS)
        examples = self.examples
        if examples is not None:
            examples = count("examples", examples, 1, "examples, or None for all")
        return Measured(alphas, examples)


def instability(
    search: LotterySearch,
    level: int,
    rewind_to: int | str = "0it",
    children: int = 2,
    alphas: int = 30,
    *,
    of: str = "ticket",
    examples: int | None = 10_000,
) -> Stability:
    """How far the error rises between networks trained from one start (1912.05671).

    The children have one mask and one start, and each a data order (and augmentation,
    and dropout) of its own. They are replicates of a control of the search, trained
    unless they are stored; the lines are stored too. Where there is BatchNormalization,
    the error is measured both with its statistics recalibrated on training data, which
    is what is reported, and with interpolated ones.

    Args:
        search: a search whose `fit` has returned in this process, or one that was made
            ready by `prepare`.
        level: whose mask the children have; 0 is the dense network.
        rewind_to: iteration k that they start from: "0it", "500it" or "2ep". The dense
            network is trained again up to there, unless the search rewinds to it.
        children: networks that are trained; each pair of them is a line.
        alphas: evenly spaced places on each line.
        of: what is trained: "ticket"; "inits", the same mask on initialisations of
            their own; or a control with the same draws for each child, such as
            "random_mask" or "random_reinit".
        examples: the errors are of the first so many test and training examples; None
            for all.

    Returns:
        The lines. The model holds the trained weights of the search's last finished
        level then.

    Raises:
        DivergedError: the training of a child diverged.
        LotteryError: an argument is out of range, the search is not ready, or its
            level not reached.
    """
    instance("search", search, LotterySearch, "an lth.LotterySearch")
    count("level", level, 0, "a level of the search", MOST_LEVELS)
    children = count("children", children, 2, "networks to train", MOST_CHILDREN)
    measured = Measured(alphas, examples).check()
    steps = ready(search).feed.steps_per_epoch
    step = parse_step(rewind_to, steps)
    control = starts.control_of(starts.check(of), step, search.first)
    running.run(search, control, [level], range(children))
    pairs = list(itertools.combinations(range(children), 2))
    for pair in pairs:
        carry_out(search, control, level, pair, measured, {"of": of, "rewind_to": step})
    key = syntax.parse(control).key
    return stability.of_control(search.directory, key, level, pairs)


def path(
    search: LotterySearch,
    a: networks.Run,
    b: networks.Run,
    alphas: int = 30,
    *,
    examples: int | None = 10_000,
) -> Line:
    """The error along the straight line between any two trained runs.

    Args:
        search: a search that is ready, as of `instability`; its data are used.
        a: a run: a level, as 7; a control with level and replicate, as
            ("random_reinit", 7, 0); or the directory of a run of the same network, as
            "runs/mnist/trial1/level07".
        b: another, of another mask too.
        alphas: evenly spaced places on the line, from a to b.
        examples: as of `instability`.

    Returns:
        The line; it is not stored.

    Raises:
        LotteryError: an argument is out of range, or a run not finished.
    """
    instance("search", search, LotterySearch, "an lth.LotterySearch")
    measured = Measured(alphas, examples).check()
    ready(search)
    ends = [networks.trained(search, run, name) for name, run in (("a", a), ("b", b))]
    return _measure(search, ends, measured, {})


def carry_out(
    search: LotterySearch,
    control: str,
    level: int,
    pair: tuple[int, int],
    measured: Measured,
    about: dict[str, Any],
) -> dict[str, Any] | None:
    """Measures and stores the line between two finished replicates of a control.

    Args:
        search: that is ready.
        control: the control.
        level: whose density they have.
        pair: numbers of the replicates.
        measured: how.
        about: what is said of the line where it is stored.

    Returns:
        What a job is told of it; None if it is stored already.

    Raises:
        LotteryError: a replicate is not finished, or another process measures it.
    """
    key = syntax.parse(control).key
    place = search.directory.line(key, level, *pair)
    if is_stored(place, measured):
        return None
    ends = [networks.trained(search, (control, level, number)) for number in pair]
    with locks.lock(place):
        directories.clean_leftovers(place)
        line = _measure(search, ends, measured, about)
        lines.write(place, line)
    return {
        "trial": search.trial,
        "line": f"{about.get('of', control)} from iteration {about.get('rewind_to')}",
        "level": level,
        "instability": line.instability(line.data),
        "unit": " points" if line.is_accuracy else "",
    }


def is_stored(place: str, measured: Measured) -> bool:
    """Whether a line is stored that was measured so; its directory is `place`."""
    if not paths.exists(lines.file_of(place)):
        return False
    line = lines.read(place)
    return (
        len(line.alphas) == measured.alphas
        and line.about.get("examples") == measured.examples
    )


def _measure(
    search: LotterySearch,
    ends: list[networks.Trained],
    measured: Measured,
    about: dict[str, Any],
) -> Line:
    along = Along.of(search, measured.examples)
    alphas = np.linspace(0.0, 1.0, measured.alphas).tolist()
    try:
        curves = along(search.network, ends[0].values, ends[1].values, alphas)
    finally:
        search.restore(search.last_finished)
    if any("error" not in " ".join(columns) for columns in curves.values()):
        raise LotteryError(
            f"the loss between {ends[0].place.root} and {ends[1].place.root} is not "
            "finite, and the network has no accuracy to count errors by."
        )
    counted = {k: v for k, v in along.examples.items() if v is not None}
    return Line(
        alphas, curves, along.metric, counted, {**about, "examples": measured.examples}
    )
