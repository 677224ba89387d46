"""Every flag of the export program, and the request that a command line makes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from absl import flags

from lth_keras.arguments import MOST_LEVELS
from lth_keras.programs import command_line
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.values import TEXT, Serializer, Value, one_of, real, whole

FORMATS = ("saved_model", "tflite", "keras")
AUTO = "auto"

# Flags that are arguments of the library by the same name; its messages name them.
ARGUMENTS = ("dataset", "data_dir", "overwrite", "quantize", "values_dtype")


@dataclasses.dataclass(frozen=True)
class Request:
    """What to export, by flag; `run_dir` is the one argument without a name.

    Attributes:
        level: a level, or None for `auto`.
        tolerance: percentage points.
        quantize: None, "float16" or "int8".
    """

    run_dir: str
    level: int | None
    trial: int
    tolerance: float
    format: tuple[str, ...]
    output: str
    values_dtype: str
    quantize: str | None
    data_dir: str | None
    output_format: str
    overwrite: bool


def read(argv: Sequence[str], about: str) -> Request:
    """The request that a command line makes.

    Args:
        argv: the program's name and its arguments.
        about: what the program does, for --help, which leaves with exit code 0.

    Raises:
        FlagError: a flag is wrong, or RUN_DIR is missing.
    """
    known = define()
    (run_dir,) = command_line.parse(known, argv, about, ["RUN_DIR"])
    given = {name: known[name].value for name in known if name != "flagfile"}
    for name, word in (("level", AUTO), ("quantize", "none")):
        given[name] = None if given[name] == word else given[name]
    if given["output"] is None:
        given["output"] = os.path.join(run_dir, "export")
    if given["values_dtype"] != "float32" and "saved_model" not in given["format"]:
        raise FlagError(
            f"--values_dtype={given['values_dtype']} is for --format=saved_model, not "
            f"{','.join(given['format'])}"
        )
    if given["quantize"] and "tflite" not in given["format"]:
        raise FlagError(
            f"--quantize={given['quantize']} is for --format=tflite, not "
            f"{','.join(given['format'])}"
        )
    return Request(run_dir=run_dir, **given)


def define() -> flags.FlagValues:
    """New flags, apart from absl's global ones."""
    known = flags.FlagValues()

    def flag(name: str, default: Any, parser: flags.ArgumentParser, text: str) -> None:
        flags.DEFINE(parser, name, default, text, known, Serializer())

    flag(
        "level",
        AUTO,
        Value(
            _level,
            lambda level: level == AUTO or 0 <= level <= MOST_LEVELS,
            f"use a whole number, 0 to {MOST_LEVELS}, or auto",
        ),
        "Level to export, or auto: the sparsest whose test accuracy at the end of "
        "training, as the mean over trials, is within --tolerance of the dense "
        "network's.",
    )
    flag(
        "trial",
        0,
        whole(0),
        "Trial whose weights are exported.",
    )
    flag(
        "tolerance",
        0.1,
        real(lambda x: 0 <= x <= 100, "use percentage points, 0 to 100"),
        "For --level=auto, in percentage points of test accuracy.",
    )
    flag(
        "format",
        ("saved_model",),
        Value(_formats, bool, f"use one or more of {', '.join(FORMATS)}, with commas"),
        "Formats, with commas: saved_model (packed: bytes follow density), tflite "
        "(sparse), keras (exact zeros).",
    )
    flag(
        "output",
        None,
        TEXT,
        "Local directory to make: MODEL/1, MODEL.tflite, MODEL.keras and export.json "
        "in it. Default: RUN_DIR/export.",
    )
    flag(
        "values_dtype",
        "float32",
        one_of(("float32", "float16", "bfloat16")),
        "How a saved_model stores the values that are not zero.",
    )
    flag(
        "quantize",
        "none",
        one_of(("none", "float16", "int8")),
        "For tflite: none, float16 (weights), or int8 (weights and activations; the "
        "search's validation images give their ranges).",
    )
    flag(
        "data_dir",
        None,
        TEXT,
        "Directory of prepared TFDS data, as for the search. Needed only for int8, and "
        "for data sets whose image size is not known without them.",
    )
    flag(
        "output_format",
        "text",
        one_of(("text", "json")),
        "What is printed: text, or json in one line for machines.",
    )
    flags.DEFINE_boolean(
        "overwrite", False, "Replace an earlier export in --output.", known
    )
    known["overwrite"].serializer = Serializer()
    flag(
        "flagfile",
        None,
        TEXT,
        "File of further flags, one in a line.",
    )
    return known


def _level(text: str) -> int | str:
    return text if text == AUTO else int(text)


def _formats(text: str | tuple[str, ...]) -> tuple[str, ...]:
    names = text if isinstance(text, tuple) else text.split(",")
    found = tuple(dict.fromkeys(name.strip() for name in names))
    if not set(found) <= set(FORMATS):
        raise ValueError(text)
    return found
