"""From a search's directory to a verified export: the model of a level, the files.

run(request)                         # what lth-export does
print(exporting.one_line(run_dir))  # one line with the two sizes
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from lth_keras.compat import keras
from lth_keras.export import keras_file, staging
from lth_keras.export import saved_model as export
from lth_keras.export.report import ExportReport
from lth_keras.export.tflite import exporting as tflite
from lth_keras.masking import acts
from lth_keras.masking.network import Network
from lth_keras.masking.wrapping import unwrap
from lth_keras.papers import datasets
from lth_keras.programs import choosing, replacing, stored_options
from lth_keras.programs.building import wrapped_model
from lth_keras.programs.choosing import Choice
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.export_flags import Request
from lth_keras.programs.inputs import Inputs
from lth_keras.programs.options import Options
from lth_keras.runs import layout, level_tickets
from lth_keras.storage import directories, files, paths
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import one_run

# Image sizes and classes of the data sets that --dataset names: these need not be read.
_KNOWN = {
    "digits": ((8, 8, 1), 10),
    "mnist": ((28, 28, 1), 10),
    "fashion_mnist": ((28, 28, 1), 10),
    "cifar10": ((32, 32, 3), 10),
}
_EXAMPLES = 200


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
    choice = choosing.choose(directory, request)
    output = replacing.output(request.output, request.overwrite)
    data = Inputs(options).held if request.quantize == "int8" else None
    if request.quantize == "int8" and data is None:
        raise FlagError(
            f"--quantize=int8 calibrates on images in memory, and {request.run_dir} is "
            "of --data=streamed: leave it out"
        )
    model = trained_model(directory, options, request.trial, choice.level, data)
    reports = []
    with directories.atomic_directory(output, overwrite=request.overwrite) as place:
        stages = _stages(request, model, options.model, place, data)
        for report in staging.finish(stages, verbose=False):
            final = os.path.join(output, os.path.relpath(report.path, place))
            reports.append(dataclasses.replace(report, path=final))
        index = _json(request, choice, reports)
        files.write_json(os.path.join(place, replacing.INDEX), json.loads(index))
    return choice, reports[0].holds, reports


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
    of: datasets.Data | Inputs | None = data
    if of is None and options.dataset not in _KNOWN:
        of = Inputs(options)
    shape, classes = (of.input_shape, of.classes) if of else _KNOWN[options.dataset]
    # Tickets and weights go from Keras 3 into the same layers of tf_keras.
    options = dataclasses.replace(options, keras="tf_keras")
    # The seed does not matter: every weight is replaced.
    network = Network.of(wrapped_model(options, shape, classes, 0))
    place = directory.trial(trial).level(level)
    level_tickets.read(directory.trial(trial), level, Ticket).write_to(network)
    one_run.load_trained(network, place)
    # What was trained must lie on the mask of the ticket it was trained from.
    acts.verify(network)
    return unwrap(network.model)


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
