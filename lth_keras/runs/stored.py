"""What a run directory holds of a search, finished or not: tickets and results."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.runs import (
    layout,
    level_tickets,
    result_files,
    tables,
    trained,
    wording,
)
from lth_keras.storage import paths
from lth_keras.tickets.ticket import Ticket


@dataclasses.dataclass(frozen=True, repr=False)
class SearchHistory:
    """What a search found; `print` and notebooks show its table.

    Attributes:
        results: one result line per level, as in results.jsonl.
        curves: per level {"iteration": [...], "val_loss": [...], ...}, with None for
            what is not a finite number.
        epochs: per level Keras's own history by epoch.
    """

    results: list[dict[str, Any]]
    curves: list[dict[str, list[float]]]
    epochs: list[dict[str, list[float]]]

    def __repr__(self) -> str:
        levels = wording.ranges(row["level"] for row in self.results)
        if not levels:
            return "SearchHistory(no level)"
        first, last = (
            wording.percent_kept(row["density"])
            for row in (self.results[0], self.results[-1])
        )
        return f"SearchHistory(levels {levels}, P_m {first} to {last} %)"

    def __str__(self) -> str:
        return tables.table(self.results) if self.results else repr(self)

    def _repr_html_(self) -> str | None:
        return _in_notebook(self.results)


class StoredSearch:
    """The readable side of a search.

    Args:
        directory: the run directory, local or gs://.
    """

    def __init__(self, directory: paths.PathLike):
        if directory is None or (isinstance(directory, str) and not directory):
            raise LotteryError("directory is missing: name where the run is stored.")
        directory = paths.as_path(directory, "directory")
        self.directory = layout.RunDirectory(directory)

    def __repr__(self) -> str:
        levels = wording.ranges(self.finished_levels) or "none"
        return f"{type(self).__name__}({self.directory.root}, finished levels {levels})"

    def _repr_html_(self) -> str | None:
        try:
            return _in_notebook(self.results, repr(self))
        except LotteryError:
            return None  # A notebook then shows the text.

    @property
    def finished_levels(self) -> list[int]:
        """The levels whose results are stored."""
        return [
            level
            for level in self.directory.levels()
            if paths.exists(self.directory.level(level).result)
        ]

    @property
    def results(self) -> list[dict[str, Any]]:
        """The stored result lines: levels first, then controls."""
        runs = [self.directory.level(n) for n in self.directory.levels()]
        runs += [self.directory.control(*key) for key in self.directory.controls()]
        return [result_files.row(run) for run in runs if paths.exists(run.result)]

    @property
    def history(self) -> SearchHistory:
        """Results, curves and histories of the finished levels."""
        places = [self.directory.level(level) for level in self.finished_levels]
        stored = [result_files.curve(place) for place in places]
        return SearchHistory(
            results=[result_files.row(place) for place in places],
            curves=[each.curve for each in stored],
            epochs=[each.epochs for each in stored],
        )

    def ticket(self, level: int) -> Ticket:
        """The ticket that a level was trained from.

        Raises:
            LotteryError: that level has not been reached, or its ticket is damaged or
                not the one that belongs there.
        """
        path = self.directory.level(level).ticket
        if not paths.exists(path):
            reached = [
                n
                for n in self.directory.levels()
                if paths.exists(self.directory.level(n).ticket)
            ]
            raise LotteryError(
                f"level {level} has no ticket in {self.directory.root}: levels with "
                f"one are {reached}."
            )
        return level_tickets.read(self.directory, level, Ticket)

    @property
    def theta(self) -> Ticket:
        """The dense network that every level is rewound to: theta_0, or theta_k.

        Raises:
            LotteryError: level 0 has not been reached.
        """
        if paths.exists(self.directory.level(0).rewind):
            return level_tickets.rewound(self.directory, Ticket)
        return self.ticket(0)

    def trained_weights(self, level: int) -> list[np.ndarray]:
        """The weights that a level ended with, in the order of its ticket's.

        Raises:
            LotteryError: the level is not finished.
        """
        place = self.finished(level)
        return list(trained.read(place).values())

    def finished(self, level: int) -> layout.LevelDirectory:
        """The directory of a level that is finished.

        Raises:
            LotteryError: it is not.
        """
        place = self.directory.level(level)
        if not paths.exists(place.result):
            raise LotteryError(
                f"level {level} is not finished in {self.directory.root}: finished "
                f"levels are {self.finished_levels}."
            )
        return place


def _in_notebook(results: list[dict[str, Any]], caption: str = "") -> str | None:
    """The results as HTML; None, for which a notebook shows the text, without any."""
    return tables.in_notebook(results, caption=caption) if results else None
