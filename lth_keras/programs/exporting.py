"""From a search's directory to a verified export: which level, its model, the files.

run(request)                         # what export_ticket.py does
print(exporting.one_line(run_dir))  # one line with the two sizes
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import destinations, keras_file, staging
from lth_keras.export import saved_model as export
from lth_keras.export.report import ExportReport
from lth_keras.export.tflite import exporting as tflite
from lth_keras.masking import acts
from lth_keras.papers import datasets
from lth_keras.programs import stored_options
from lth_keras.programs.building import wrapped_model
from lth_keras.programs.export_ticket import Request
from lth_keras.programs.options import Options
from lth_keras.runs import layout
from lth_keras.storage import directories, files, paths
from lth_keras.training import one_run

# Image sizes and classes of the data sets that --dataset names: these need not be read.
_KNOWN = {
    "digits": ((8, 8, 1), 10),
    "mnist": ((28, 28, 1), 10),
    "fashion_mnist": ((28, 28, 1), 10),
    "cifar10": ((32, 32, 3), 10),
}
_INDEX = "export.json"
# Some of what it holds; a file of that name that does not is somebody else's.
_KEYS = {"run", "trial", "level", "exports"}
# Rounding alone must not decide that a level is out of the tolerance.
_ROUNDING = 1e-6
_EXAMPLES = 200


@dataclasses.dataclass(frozen=True)
class Choice:
    """A level, and how it compares with the dense network.

    Attributes:
        level: the level.
        last: the last level that the trial has finished.
        density: share of the prunable weights that are left, in [0, 1].
        accuracy: percent of the test images, at the end of training; the mean over
            `trials`.
        dense_accuracy: the same of level 0, over the same trials.
        trials: the trials that have finished the level and level 0.
    """

    level: int
    last: int
    density: float
    accuracy: float
    dense_accuracy: float
    trials: tuple[int, ...]

    def sentence(self, tolerance: float | None) -> str:
        """One line with the numbers; `tolerance` (points) for a choice by it."""
        gap = self.accuracy - self.dense_accuracy
        count = len(self.trials)
        mean = f"the mean of {count} trials" if count > 1 else "one trial"
        numbers = (
            f"P_m {100 * self.density:.1f} %, test accuracy {self.accuracy:.2f} % "
            f"({mean}), dense {self.dense_accuracy:.2f} %, {gap:+.2f} points"
        )
        if tolerance is None:
            return f"level {self.level} of {self.last}, as asked for: {numbers}"
        return (
            f"level {self.level} of {self.last} is the sparsest within {tolerance:g} "
            f"points of dense: {numbers}"
        )


def run(request: Request) -> None:
    """Exports, and prints the choice and the reports.

    Raises:
        LotteryError: RUN_DIR is of no search, the level is not finished, the output
            exists, or an export fails; nothing has changed at the output then.
    """
    choice, holds, reports = exported(request)
    if request.output_format == "json":
        print(_json(request, choice, reports), flush=True)
        return
    tolerance = request.tolerance if request.level is None else None
    print(choice.sentence(tolerance))
    print(f"exported: trial {request.trial}, {holds}")
    for report in reports:
        print(f"\n{report}", flush=True)


def one_line(run_dir: str) -> str:
    """Exports the sparsest level that is as good as dense, packed; says how large.

    Replaces an earlier export in RUN_DIR/export. A packed SavedModel of trial 0 is
    verified in a fresh process as always.

    Returns:
        One line with the level, its accuracy, and the bytes of both SavedModels.
    """
    request = Request(
        run_dir=run_dir,
        level=None,
        trial=0,
        tolerance=0.1,
        format=("saved_model",),
        output=paths.join(run_dir, "export"),
        values_dtype="float32",
        quantize=None,
        data_dir=None,
        output_format="text",
        overwrite=True,
    )
    choice, _, (report,) = exported(request)
    return (
        f"export:  {report.path}: {report.bytes:,} bytes packed, dense "
        f"{report.dense_bytes:,}; {choice.sentence(request.tolerance)}"
    )


def exported(request: Request) -> tuple[Choice, str, list[ExportReport]]:
    """Carries out a request; returns the choice, what is held, and the reports.

    Raises:
        LotteryError: as of `run`.
    """
    directory = layout.ExperimentDirectory(request.run_dir)
    changes = {} if request.data_dir is None else {"data_dir": request.data_dir}
    options = stored_options.options_of(directory, **changes)
    choice = choose(directory, request)
    output = _output(request)
    data = _data(options) if request.quantize == "int8" else None
    model = trained_model(directory, options, request.trial, choice.level, data)
    reports = []
    with directories.atomic_directory(output, overwrite=request.overwrite) as place:
        stages = _stages(request, model, options.model, place, data)
        for report in staging.finish(stages, verbose=False):
            final = os.path.join(output, os.path.relpath(report.path, place))
            reports.append(dataclasses.replace(report, path=final))
        index = _json(request, choice, reports)
        files.write_json(os.path.join(place, _INDEX), json.loads(index))
    return choice, reports[0].holds, reports


def choose(directory: layout.ExperimentDirectory, request: Request) -> Choice:
    """The level asked for, or the sparsest within the tolerance.

    The levels that the trial asked for has finished are compared with level 0, each
    by the mean over all trials that have finished both.

    Raises:
        LotteryError: the trial or the level is not finished.
    """
    found = {
        trial: {
            row["level"]: row
            for row in lth.LotterySearch.load(directory.trial(trial).root).results
            if row["control"] == "ticket" and row["test_accuracy"] is not None
        }
        for trial in directory.trials()
        if paths.exists(directory.trial(trial).manifest)
    }
    # Without level 0 there is nothing to compare with.
    found = {trial: rows for trial, rows in found.items() if 0 in rows}
    if request.trial not in found:
        raise LotteryError(
            f"trial {request.trial} has finished no level in {directory.root}: trials "
            f"that have are {sorted(found)}"
        )
    finished = sorted(found[request.trial])
    if request.level is not None and request.level not in finished:
        raise LotteryError(
            f"level {request.level} of trial {request.trial} is not finished in "
            f"{directory.root}: finished levels are {_spans(finished)}"
        )
    choices = []
    for level in finished if request.level is None else [request.level]:
        trials = tuple(trial for trial, rows in sorted(found.items()) if level in rows)
        rows = [found[trial] for trial in trials]
        choices.append(
            Choice(
                level,
                finished[-1],
                found[request.trial][level]["density"],
                100 * float(np.mean([row[level]["test_accuracy"] for row in rows])),
                100 * float(np.mean([row[0]["test_accuracy"] for row in rows])),
                trials,
            )
        )
    if request.level is not None:
        return choices[0]
    near = [
        choice
        for choice in choices
        if choice.dense_accuracy - choice.accuracy <= request.tolerance + _ROUNDING
    ]
    return min(near, key=lambda choice: choice.density)


def trained_model(
    directory: layout.ExperimentDirectory,
    options: Options,
    trial: int,
    level: int,
    data: datasets.Data | None = None,
) -> keras.Model:
    """The network with the weights that a finished level ended with, unwrapped.

    Args:
        directory: of the whole job.
        options: its flags.
        trial: number of the trial.
        level: the level.
        data: the data set, if it has been read.

    Raises:
        LotteryError: the stored weights are not of the network, or damaged.
    """
    if data is None and options.dataset not in _KNOWN:
        data = _data(options)
    shape, classes = (
        (data.input_shape, data.classes) if data else _KNOWN[options.dataset]
    )
    # The seed does not matter: every weight is replaced.
    model = wrapped_model(options, shape, classes, 0)
    place = directory.trial(trial).level(level)
    lth.Ticket.load(place.ticket).write_to(model)
    one_run.load_trained(model, place)
    # What was trained must lie on the mask of the ticket it was trained from.
    acts.verify(model)
    return lth.unwrap(model)


def _output(request: Request) -> str:
    """The directory to make.

    Raises:
        LotteryError: it is remote, or taken.
    """
    path = destinations.local_path(request.output)
    if os.path.exists(path) and not os.path.isdir(path):
        raise LotteryError(f"--output={path} is a file; choose another directory")
    names = paths.list_directory(path)
    if names and not request.overwrite:
        raise LotteryError(
            f"--output={path} exists; pass --overwrite to replace it, or choose "
            "another directory"
        )
    if names:
        _check_replaceable(path, names)
    return path


def _check_replaceable(path: str, names: Sequence[str]) -> None:
    """Lets --overwrite replace what an earlier export wrote, and nothing else.

    Raises:
        LotteryError: `names`, those in the directory `path`, are no export's, or others
            lie beside or in it.
    """
    if _INDEX not in names:
        raise LotteryError(
            f"--output={path} holds no {_INDEX}, so --overwrite does not replace it; "
            "choose another directory"
        )
    index = os.path.join(path, _INDEX)
    value = files.read_json(index)
    try:
        exports = [(item["format"], item["path"]) for item in value["exports"]]
        ours = _KEYS <= {*value} and bool(exports)
        places = [_parts(*export) for export in exports]
    except (AttributeError, KeyError, TypeError):
        ours = False
    if not ours:
        raise LotteryError(
            f"{index} is of no earlier export, so --overwrite does not replace "
            f"--output={path}; choose another directory"
        )
    other = _other_name(path, names, places)
    if other:
        raise LotteryError(
            f"{os.path.join(path, other)} is no part of the earlier export, so "
            "--overwrite does not remove it: move it away, or choose another --output"
        )


def _parts(kind: str, path: str) -> tuple[str, ...]:
    """The names below --output that lead to an export, of which `path` is the end."""
    return tuple(path.split(os.sep)[-2 if kind == "saved_model" else -1 :])


def _other_name(
    path: str, names: Sequence[str], places: Sequence[tuple[str, ...]]
) -> str | None:
    """A path below `path` that is not of an export at `places`, if there is one."""
    for name in names:
        if name != _INDEX and name not in {place[0] for place in places}:
            return name
    for place in places:
        target = os.path.join(path, *place)
        if len(place) == 1:
            if os.path.isdir(target):
                return place[0]
            continue
        for name in paths.list_directory(os.path.dirname(target)):
            if name != place[1]:
                return os.path.join(place[0], name)
        other = destinations.not_of_saved_model(target)
        if other:
            return os.path.join(*place, other)
    return None


def _stages(
    request: Request,
    model: keras.Model,
    name: str,
    place: str,
    data: datasets.Data | None,
) -> Iterator[AbstractContextManager[staging.Staged]]:
    # Real images also tell whether an export is right, where they have been read.
    images = None if data is None else data.validation[0][:_EXAMPLES]
    common: dict[str, Any] = {"batch": images, "holds": "trained"}
    target = os.path.join(place, name)
    for kind in request.format:
        if kind == "saved_model":
            yield export.staged_saved_model(
                model,
                os.path.join(target, "1"),
                values_dtype=request.values_dtype,
                **common,
            )
        elif kind == "tflite":
            yield tflite.staged_tflite(
                model,
                f"{target}.tflite",
                quantize=request.quantize,
                representative=images if request.quantize == "int8" else None,
                **common,
            )
        else:
            yield keras_file.staged_keras(model, f"{target}.keras", **common)


def _json(request: Request, choice: Choice, reports: Sequence[ExportReport]) -> str:
    value = {
        "run": request.run_dir,
        "trial": request.trial,
        "selected": "auto" if request.level is None else "level",
        "tolerance": request.tolerance if request.level is None else None,
        **dataclasses.asdict(choice),
        "exports": [json.loads(report.to_json()) for report in reports],
    }
    return json.dumps(value, allow_nan=False)


def _data(options: Options) -> datasets.Data:
    return datasets.load(options.dataset, data_dir=options.data_dir, seed=options.seed)


def _spans(levels: Sequence[int]) -> str:
    if len(levels) > 1 and list(levels) == list(range(levels[0], levels[-1] + 1)):
        return f"{levels[0]} to {levels[-1]}"
    return ", ".join(map(str, levels)) or "none"
