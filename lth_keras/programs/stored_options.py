"""settings.json: the flags that a job was started with, kept and compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lth_keras.errors import LotteryError, shown
from lth_keras.programs.flags import define
from lth_keras.programs.options import Options
from lth_keras.programs.values import as_text
from lth_keras.reporting.page import FREE
from lth_keras.runs import layout
from lth_keras.storage import files, paths, sharing

# Flags that jobs of earlier versions did not store, with what these did.
ADDED: Mapping[str, Any] = {
    "budget": "none",
    "criterion": "magnitude",
    "data": "memory",
    "devices": None,
    "granularity": "weight",
    "image_size": None,
    "keep_trained": "all",
    "keras": "tf_keras",
    "layer_rates": [],
    "first": "train",
    "lr_decay": "none",
    "method": "imp",
    "monitor_metric": "accuracy",
    "recipe": "full",
    "rewind": "weights",
    "search_iterations": None,
    "stop": "none",
    "strategy": "none",
    "train_levels": [],
    "validation_size": None,
    "where": "each",
}


# Flags that are no settings of a paper: not given they stand for none.
_OF_NO_PAPER = ("data_dir", "devices", "image_size", "search_iterations")


def options_of(directory: layout.ExperimentDirectory, **changes: Any) -> Options:
    """The flags that a job was started with.

    Args:
        directory: of the job.
        **changes: flags to have another value.

    Raises:
        LotteryError: the directory is not of a job of this version.
    """
    stored = read(directory)
    names = {field.name for field in dataclasses.fields(Options)} - {"output_dir"}
    if set(stored) != names:
        raise LotteryError(
            f"{directory.settings} is of another version of this program: it differs "
            f"in {', '.join(sorted(set(stored) ^ names))}"
        )
    _check_values(directory, stored)
    flags: dict[str, Any] = {**stored, "output_dir": directory.root, **changes}
    lists = {name: tuple(v) for name, v in flags.items() if isinstance(v, list)}
    return Options(**{**flags, **lists})


def _check_values(
    directory: layout.ExperimentDirectory, stored: Mapping[str, Any]
) -> None:
    """Refuses a flag that the command line would not have taken.

    Raises:
        LotteryError: names the first one.
    """
    known = define()
    for field in dataclasses.fields(Options):
        value = stored.get(field.name)
        if field.name not in stored or (value is None and "None" in str(field.type)):
            continue
        value = tuple(value) if isinstance(value, list) else value
        try:
            right = known[field.name].parser.parse(as_text(value)) == value
        except (TypeError, ValueError):
            right = False
        if not right:
            raise LotteryError(
                f"{directory.settings} has {field.name} {shown(value)}, which is no "
                f"value of --{field.name}: put the file of the search back."
            )


def store(directory: layout.ExperimentDirectory, options: Options) -> None:
    """Stores the flags, after comparing them with those of a job that goes on.

    Raises:
        LotteryError: the directory holds trials of a job with other flags, or cannot
            be written.
    """
    if paths.exists(directory.settings):
        check(directory, options)
    elif directory.trials():
        raise LotteryError(
            f"--output_dir={directory.root} holds trials but no settings.json: use "
            "another directory"
        )
    # Those that may differ are now these.
    files.write_json(directory.settings, {"flags": as_plain(options)})
    if sharing.is_joined():
        check(directory, options)  # Every worker's flags, with those of the chief.


def check(directory: layout.ExperimentDirectory, options: Options) -> None:
    """Refuses to go on with a job that was started with other flags.

    Raises:
        LotteryError: names each flag that differs, as stored and as given.
    """
    differing = differences(read(directory), as_plain(options))
    if differing:
        raise LotteryError(
            f"--output_dir={directory.root} holds a search with other flags: "
            f"{', '.join(differing)}; use the stored ones to go on, or another "
            "--output_dir"
        )


def differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Each flag that two jobs on one directory may not differ in, with both values.

    Args:
        stored: flags by name, as `as_plain` has them.
        given: the same of the other job.
    """
    found = [
        f"--{name} (stored {_said(name, stored.get(name))}, "
        f"given {_said(name, given.get(name))})"
        for name in {**given, **stored}
        if name not in FREE and stored.get(name) != given.get(name)
    ]
    # Several threads and one give results that differ in the last bits.
    if bool(stored.get("workers")) != bool(given.get("workers")):
        found.append(
            f"--workers (stored {stored.get('workers')}, given {given.get('workers')}; "
            "any number above 0 is alike)"
        )
    return found


def read(directory: layout.ExperimentDirectory) -> dict[str, Any]:
    """The flags by name as a job stored them, in plain data.

    Raises:
        LotteryError: the directory is not of a lottery search.
    """
    if not paths.exists(directory.settings):
        raise LotteryError(
            f"{directory.root} is no --output_dir of lottery_search.py (lth-search)"
        )
    stored = files.read_json(directory.settings)
    stored = stored.get("flags") if isinstance(stored, dict) else None
    if not isinstance(stored, dict):
        raise LotteryError(f"{directory.settings} is not of a lottery search")
    return completed(stored)


def completed(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored flags by name, with those that the job's version did not have yet."""
    return {**ADDED, **stored}


def as_plain(options: Options) -> dict[str, Any]:
    """The flags as they come back from JSON, but for the directory they are in."""
    found = dataclasses.asdict(options)
    del found["output_dir"]
    return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()}


def _said(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    if value is None:
        return "none" if name in _OF_NO_PAPER else "the paper's"
    return str(value)
