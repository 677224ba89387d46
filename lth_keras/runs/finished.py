"""What figures read of finished runs: rows with their curves, tickets and settings.

A run directory is the ``--output_dir`` of the program or the directory of an
`lth.Experiment`, with several trials, or that of one `lth.LotterySearch`. Runs that are
not finished are left out; nothing is written, and nothing waits for the process that
may still be training.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.runs import (
    integrity,
    layout,
    repair,
    result_files,
    shown_levels,
    summaries,
    trained,
)
from lth_keras.storage import files, paths
from lth_keras.tickets import content
from lth_keras.tickets import files as ticket_files

# A result row, and the metrics by iteration of the same training run.
RowAndCurve = tuple[Mapping[str, Any], Mapping[str, Sequence[Any]]]
# By the weight's path: theta_k and the trained values, of the kept weights alone.
KeptWeights = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class FinishedRun:
    """One finished training run.

    Attributes:
        row: its result row.
        key: "ticket", or the control's name and parameters: ``noise,sigma=0.5``.
        place: its files.
    """

    row: dict[str, Any]
    key: str
    place: layout.LevelDirectory

    @functools.cached_property
    def curve(self) -> dict[str, list[Any]]:
        """The metrics by iteration, None where one is not a finite number.

        Raises:
            LotteryError: if the file is missing or corrupt.
        """
        return result_files.curve(self.place).curve

    def kept_weights(self) -> KeptWeights:
        """The weights that the ticket keeps, before and after the training.

        Returns:
            By path of each prunable weight two float32 vectors, without what is
            pruned.

        Raises:
            LotteryError: if the ticket or the trained weights are missing, corrupt or
                not of the same network.
        """
        with repair.advised(self.place.root):
            ticket = ticket_files.load(self.place.ticket, content.TicketContent)
        ended = trained.read(self.place).values()
        return {
            weight.path: (
                weight.value[weight.mask].astype(np.float32),
                value[weight.mask].astype(np.float32),
            )
            for weight, value in zip(ticket.weights, ended, strict=True)
            if weight.mask is not None
        }


@dataclasses.dataclass(frozen=True, eq=False)
class RunFiles:
    """The finished runs of one directory.

    Attributes:
        root: path of the directory.
        runs: by trial, in each its levels and then its controls.
        made: all the finished runs of the directory, whatever is selected of them.
        flags: of the program that made the directory; empty for a search of the
            library.
        search: content of the first trial's search.json: settings, versions, machine.
    """

    root: str
    runs: tuple[FinishedRun, ...]
    made: tuple[FinishedRun, ...]
    flags: dict[str, Any]
    search: dict[str, Any]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The result rows."""
        return [run.row for run in self.runs]

    @property
    def curves(self) -> list[RowAndCurve]:
        """The result rows with their curves.

        Raises:
            LotteryError: if a curve is missing or corrupt.
        """
        return [(run.row, run.curve) for run in self.runs]

    def select(
        self,
        controls: Sequence[str] | None = None,
        levels: Iterable[int] | None = None,
    ) -> RunFiles:
        """The tickets, and of the controls and levels those that are asked for.

        Args:
            controls: names, with parameters (``noise:sigma=0.5``) or without, which
                stands for any. All by default.
            levels: all by default.

        Raises:
            LotteryError: if no run is of one of the controls or of the levels.
        """
        chosen = set(self.keys())
        if controls is not None:
            chosen = set()
            for text in controls:
                if not (matching := self.keys(text)):
                    known = ", ".join(map(repr, self.keys()))
                    raise LotteryError(
                        f"controls={text!r} has no finished run in {self.root}: use "
                        f"{known or 'none'}"
                    )
                chosen |= set(matching)
        wanted = None if levels is None else set(levels)
        runs = tuple(
            run
            for run in self.runs
            if (run.key == summaries.TICKET or run.key in chosen)
            and (wanted is None or run.row["level"] in wanted)
        )
        if not runs:
            raise LotteryError(
                f"levels={','.join(map(str, sorted(wanted or ())))}: no such level is "
                f"finished in {self.root}"
            )
        return dataclasses.replace(self, runs=runs)

    def keys(self, control: str | None = None) -> list[str]:
        """The keys of the controls, of one alone if it is given as in `select`."""
        known = dict.fromkeys(
            run.key for run in self.runs if run.key != summaries.TICKET
        )
        if control is None:
            return list(known)
        name = control.replace(":", ",")
        return [key for key in known if key == name or key.startswith(f"{name},")]

    def weights(
        self, percents: Iterable[float] | None = None, count: int = 4
    ) -> list[tuple[float, KeptWeights]]:
        """The kept weights of a few tickets of one trial, by `choose_levels`.

        It is the trial with the most finished levels, of these the first.

        Returns:
            [(density, kept weights)], the densest first.

        Raises:
            LotteryError: if there is no finished ticket, or one cannot be read.
        """
        trials: dict[int, dict[int, FinishedRun]] = {}
        for run in self.runs:
            if run.key == summaries.TICKET:
                trials.setdefault(run.row["trial"], {})[run.row["level"]] = run
        if not trials:
            raise LotteryError(f"{self.root} has no finished level of a ticket")
        runs = max(trials.values(), key=len)
        densities = {level: run.row["density"] for level, run in runs.items()}
        return [
            (densities[level], runs[level].kept_weights())
            for level in shown_levels.choose_levels(densities, percents, count)
        ]


def read(directory: paths.PathLike) -> RunFiles:
    """The finished runs of a directory; curves and weights are read on demand.

    Raises:
        LotteryError: if it is no run directory, no run in it is finished, or a result
            is corrupt.
    """
    experiment = layout.ExperimentDirectory(paths.as_path(directory))
    root = experiment.root
    if not paths.exists(root):
        raise LotteryError(f"there is no directory {root}")
    integrity.check_kinds(root)
    flags: Any = {}
    if paths.exists(experiment.settings):
        stored = files.read_json(experiment.settings)
        flags = stored.get("flags") if isinstance(stored, dict) else None
        if not isinstance(flags, dict):
            raise LotteryError(f"{experiment.settings} is not of a lottery search")
        searches = [experiment.trial(trial) for trial in experiment.trials()]
    elif paths.exists(layout.RunDirectory(root).manifest):
        searches = [layout.RunDirectory(root)]
    elif experiment.trials():
        searches = [experiment.trial(trial) for trial in experiment.trials()]
    else:
        raise LotteryError(
            f"{root} is no run: it has neither the settings.json of lottery_search.py "
            "nor the search.json of lth.LotterySearch, nor trials of an lth.Experiment"
        )
    runs = tuple(run for search in searches for run in _finished(search))
    if not runs:
        raise LotteryError(f"{root} has no finished run yet: there is nothing to show")
    manifests = [s.manifest for s in searches if paths.exists(s.manifest)]
    search = files.read_json(manifests[0]) if manifests else {}
    return RunFiles(root, runs, runs, flags, search if isinstance(search, dict) else {})


def _finished(search: layout.RunDirectory) -> Iterator[FinishedRun]:
    places = [(summaries.TICKET, search.level(level)) for level in search.levels()]
    places += [(key[0], search.control(*key)) for key in search.controls()]
    for key, place in places:
        if not paths.exists(place.result):
            continue
        row = result_files.row(place)
        row["trial"] = summaries.trial_of(row)
        yield FinishedRun(row, key, place)
