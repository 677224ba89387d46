"""How stable were networks to the order of their data? The stored lines, by network.

    for found in stability.read("runs/resnet20"):
        print(found)     # ticket, level 7, P_m 21.1 %, from iteration 500: .4 points

Instability below 2 points is called stable (1912.05671, section 3).
"""

from __future__ import annotations

import dataclasses
import statistics as means
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lth_keras import notebook
from lth_keras.runs import layout, lines, result_files, wording
from lth_keras.runs.lines import Line
from lth_keras.storage import paths

# Points of instability, below which training is called stable.
STABLE = 2.0


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Stability:
    """What became of several networks that were trained from one start.

    They differ in the order of their data and augmentation. For each pair of them, the
    error along the line between the two was measured.

    Attributes:
        of: what was trained: "ticket", "random_reinit", "random_mask", "inits" (two
            initialisations), or another control.
        trial: number of the search.
        level: level of the ticket; 0 is dense.
        density: P_m.
        rewind_to: iteration k whose weights, and place in the schedule, they start
            from.
        pairs: the two children of each line, by their numbers.
        lines: one for each pair.
    """

    of: str
    trial: int
    level: int
    density: float
    rewind_to: int
    pairs: tuple[tuple[int, int], ...]
    lines: tuple[Line, ...]

    @property
    def alphas(self) -> np.ndarray:
        """Places on the lines, from 0 to 1."""
        return np.asarray(self.lines[0].alphas)

    @property
    def statistics(self) -> str:
        """What was done with the statistics of BatchNormalization.

        "recalibrated" on training data where there are any, or "interpolated" like
        every weight.
        """
        return self.lines[0].statistics

    @property
    def data(self) -> str:
        """On which data the errors are: "test", or "val" or "train" without any."""
        return self.lines[0].data

    @property
    def errors(self) -> np.ndarray:
        """The error along the lines (pairs, alphas), fractions in [0, 1]."""
        return self.errors_of()

    def errors_of(
        self, data: str | None = None, statistics: str | None = None
    ) -> np.ndarray:
        """The same of other data, or with the other treatment; (0, 0) if unmeasured.

        Args:
            data: "test", "val" or "train".
            statistics: "interpolated" or "recalibrated".
        """
        found = [line.errors(data or self.data, statistics) for line in self.lines]
        measured = [errors for errors in found if errors is not None]
        return np.asarray(measured, np.float64).reshape(len(measured), -1)

    @property
    def instability(self) -> float:
        """Percentage points, the mean over the pairs; see `Line.instability`."""
        found = self.instability_of()
        assert found is not None
        return found

    def instability_of(
        self, data: str | None = None, statistics: str | None = None
    ) -> float | None:
        """The same of other data, or with the other treatment; None if unmeasured."""
        found = [line.instability(data or self.data, statistics) for line in self.lines]
        known = [value for value in found if value is not None]
        return means.fmean(known) if known else None

    @property
    def error(self) -> float:
        """The error of the children, with the statistics that each ended with."""
        return float(np.mean(self.errors_of(None, lines.INTERPOLATED)[:, [0, -1]]))

    @property
    def is_stable(self) -> bool:
        """Whether instability is below 2 points."""
        return self.instability < STABLE

    def __repr__(self) -> str:
        unit = " points" if self.lines[0].is_accuracy else ""
        kept = wording.percent_kept(self.density)
        return (
            f"Stability({self.of}, level {self.level}, P_m {kept} %, from iteration "
            f"{self.rewind_to}: instability {self.instability:.2f}{unit}, "
            f"{len(self.lines)} pairs, statistics {self.statistics})"
        )

    def _repr_html_(self) -> str:
        return notebook.table(HEAD, [cells(self)], caption=repr(self))


HEAD = ("trial", "of", "level", "P_m %", "k", "instability", "interpolated", "error %")


def cells(found: Stability) -> list[str]:
    """What `HEAD` names, of one."""
    scale = 100 if found.lines[0].is_accuracy else 1
    other = found.instability_of(statistics=lines.INTERPOLATED)
    return [
        str(found.trial),
        found.of,
        str(found.level),
        wording.percent_kept(found.density),
        str(found.rewind_to),
        f"{found.instability:.2f}",
        "-" if other is None else f"{other:.2f}",
        f"{scale * found.error:.2f}",
    ]


def table(found: Iterable[Stability]) -> str:
    """The results as text, a line for each.

    "interpolated" is the instability with interpolated statistics, where the other
    column is of recalibrated ones.
    """
    rows = [list(HEAD), *map(cells, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)).rstrip() for row in rows)


def read(directory: paths.PathLike) -> list[Stability]:
    """All that is stored of a search, or of the trials of an experiment.

    Args:
        directory: of either.

    Raises:
        LotteryError: a file is damaged.
    """
    root = paths.as_path(directory)
    experiment = layout.ExperimentDirectory(root)
    trials = experiment.trials()
    searches = [experiment.trial(n) for n in trials] or [layout.RunDirectory(root)]
    return [found for search in searches for found in of_search(search)]


def of_search(search: layout.RunDirectory) -> list[Stability]:
    """All that is stored of one search: by what was trained, level and iteration.

    Lines at other numbers of places, or of other numbers of examples, are apart.
    """
    groups: dict[tuple[str, int, int, Any], list[tuple[int, int]]] = {}
    for name, level, first, second in search.lines():
        place = search.line(name, level, first, second)
        if not paths.exists(lines.file_of(place)):
            continue
        line = lines.read(place)
        # What was measured in two ways is not one result.
        key = name, level, len(line.alphas), line.about.get("examples")
        groups.setdefault(key, []).append((first, second))
    found = [of_control(search, *key[:2], pairs) for key, pairs in groups.items()]
    return sorted(found, key=lambda each: (each.of, each.level, each.rewind_to))


def of_control(
    search: layout.RunDirectory,
    name: str,
    level: int,
    pairs: Sequence[tuple[int, int]],
) -> Stability:
    """The lines between some replicates of a control.

    Args:
        search: its directory.
        name: key of the control.
        level: whose density it has.
        pairs: numbers of replicates.

    Raises:
        LotteryError: a line or a result is missing or damaged.
    """
    found = tuple(lines.read(search.line(name, level, *pair)) for pair in pairs)
    row = result_files.row(search.control(name, level, pairs[0][0]))
    about = found[0].about
    return Stability(
        of=str(about.get("of", name)),
        trial=int(row.get("trial") or 0),
        level=level,
        density=row["density"],
        rewind_to=int(about.get("rewind_to", 0)),
        pairs=tuple(pairs),
        lines=found,
    )
