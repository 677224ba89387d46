"""What a run directory holds of a search, finished or not: tickets and results."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras.arguments import text
from lth_keras.errors import LotteryError
from lth_keras.runs import (
    best,
    layout,
    level_tickets,
    result_files,
    shown_metric,
    tables,
    trained,
    wording,
)
from lth_keras.runs.results import Results
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

    results: Results
    curves: list[dict[str, list[float]]]
    epochs: list[dict[str, list[float]]]

    def __post_init__(self) -> None:
        # Whoever makes one may have a plain list.
        if isinstance(self.results, list):
            object.__setattr__(self, "results", Results(self.results))

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
    def last_finished(self) -> int:
        """The last level whose result is stored.

        Raises:
            LotteryError: none is.
        """
        for level in reversed(self.directory.levels()):
            if paths.exists(self.directory.level(level).result):
                return level
        raise LotteryError(f"{self.directory.root} has no finished level.")

    @property
    def results(self) -> Results:
        """The stored result lines: levels first, then controls."""
        runs = [self.directory.level(n) for n in self.directory.levels()]
        runs += [self.directory.control(*key) for key in self.directory.controls()]
        return Results(
            result_files.row(run) for run in runs if paths.exists(run.result)
        )

    def best(
        self, tolerance: float = 0.1, monitor_metric: str | None = None
    ) -> best.Best:
        """The sparsest level that is as good as the dense network.

        It is what `lth-export --level=auto` takes: the levels that this search has
        finished are compared with level 0 by the metric at the end of training. Where
        the directory is a trial of an experiment, each by the mean over all trials
        that have finished both.

        Args:
            tolerance: what is allowed below dense: percentage points of an accuracy,
                else in the metric's own unit.
            monitor_metric: what is compared in the place of the test accuracy (where
                no test data were given, the validation accuracy); by default what the
                result lines name.

        Returns:
            The level, a whole number; its `density`, `value`, `gap` and, of several
            trials, `error` say how it compares.

        Raises:
            LotteryError: `tolerance` is no number, no level is finished, or there is
                no dense network or metric to compare with.
        """
        if monitor_metric is not None:
            text("monitor_metric", monitor_metric, "a metric of the result lines")
        trials, own = self._trials()
        rows = [row for levels in trials.values() for row in levels.values()]
        metric = shown_metric.of_rows(rows, monitor_metric)
        return best.choose(trials, own, metric, tolerance)

    def tickets_of(self, level: int) -> list[dict[str, Any]]:
        """The result lines of a level of this search, and of the other trials'.

        Raises:
            LotteryError: a line is damaged.
        """
        trials, _ = self._trials()
        return [
            levels[level] for _, levels in sorted(trials.items()) if level in levels
        ]

    def _trials(self) -> tuple[dict[int, dict[int, dict[str, Any]]], int]:
        """Rows of tickets by trial and level, and which trial is this one's."""
        number = self.directory.trial_number
        if number is None:
            return {0: _tickets(self)}, 0
        every = self.directory.experiment
        others = (
            (trial, every.trial(trial))
            for trial in every.trials()
            if trial != number and paths.exists(every.trial(trial).manifest)
        )
        found = {n: _tickets(StoredSearch(place.root)) for n, place in others}
        return {**found, number: _tickets(self)}, number

    @property
    def history(self) -> SearchHistory:
        """Results, curves and histories of the finished levels."""
        places = [self.directory.level(level) for level in self.finished_levels]
        stored = [result_files.curve(place) for place in places]
        return SearchHistory(
            results=Results(result_files.row(place) for place in places),
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


def _tickets(search: StoredSearch) -> dict[int, dict[str, Any]]:
    places = (search.directory.level(level) for level in search.finished_levels)
    return {row["level"]: row for row in map(result_files.row, places)}


def _in_notebook(results: list[dict[str, Any]], caption: str = "") -> str | None:
    """The results as HTML; None, for which a notebook shows the text, without any."""
    return tables.in_notebook(results, caption=caption) if results else None
