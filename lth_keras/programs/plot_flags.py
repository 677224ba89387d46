"""Every flag of the plotting program, and the request that a command line makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from lth_keras.arguments import MOST_LEVELS
from lth_keras.programs import command_line
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.values import TEXT, Serializer, Value, numbers, one_of, whole

KINDS = (
    *("density", "curves", "iterations", "weights", "settling", "stability"),
    *("bars", "spent", "overlap"),
)
# What is drawn unless kinds are asked for; the last two where a search has any.
ALWAYS = KINDS[:6]
FORMATS = ("png", "svg", "pdf")
STYLES = ("page", "neurips", "icml", "iclr")

# Flags that are arguments of the library by the same name.
ARGUMENTS = ("densities", "at", "controls", "levels", "monitor_metric")


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be drawn; None where the default is to be taken.

    Attributes:
        run_dirs: directories of the searches.
        kinds: names in `KINDS`.
        densities: P_m in percent.
        at: iterations above 1, shares of the training up to 1.
        controls: names, with parameters or without.
        levels: the only levels that are shown.
        formats: names in `FORMATS`.
        output_dir: where everything goes.
        labels: name of each search.
        monitor_metric: the metric that is shown.
        style: a name in `STYLES`.
        compare: whether two searches are set against each other.
        serve: whether a live page is served, and nothing written.
        port: of the live page, on this machine alone; 0 for a free one.
    """

    run_dirs: tuple[str, ...]
    kinds: tuple[str, ...] | None
    densities: tuple[float, ...] | None
    at: tuple[float, ...] | None
    controls: tuple[str, ...] | None
    levels: tuple[int, ...] | None
    formats: tuple[str, ...]
    output_dir: str | None
    labels: tuple[str, ...] | None
    monitor_metric: str | None = None
    style: str = STYLES[0]
    compare: bool = False
    serve: bool = False
    port: int = 0


def read(argv: Sequence[str], about: str) -> Request:
    """The request that a command line makes.

    Args:
        argv: the program's name and its arguments.
        about: what the program does, for --help, which leaves with exit code 0.

    Raises:
        FlagError: a flag is wrong, or does not fit the number of searches.
    """
    known = define()
    run_dirs = tuple(command_line.parse(known, argv, about, ["RUN_DIR..."]))
    names = {field.name for field in dataclasses.fields(Request)}
    given = {name: known[name].value for name in known if name in names}
    request = Request(run_dirs=run_dirs, formats=known["format"].value, **given)
    if len(set(run_dirs)) < len(run_dirs):
        raise FlagError("one RUN_DIR is named twice: name each search once")
    if request.compare and len(run_dirs) != 2:
        raise FlagError(f"--compare takes two RUN_DIRs, not {len(run_dirs)}")
    if len(run_dirs) > 1 and request.output_dir is None and not request.serve:
        raise FlagError(
            "--output_dir is missing: say where the figures of several searches go"
        )
    if request.labels and len(set(request.labels)) != len(run_dirs):
        raise FlagError(
            f"--labels={','.join(request.labels)}: give {len(run_dirs)} different "
            "names, one for each RUN_DIR"
        )
    return request


def define() -> flags.FlagValues:
    """New flags, apart from absl's global ones."""
    known = flags.FlagValues()
    # Flags may stand behind the directories.
    known.set_gnu_getopt()

    def flag(name: str, default: Any, parser: Value, text: str) -> None:
        flags.DEFINE(parser, name, default, text, known, Serializer())

    flag(
        "kinds",
        None,
        _names(KINDS),
        f"Figures: {', '.join(KINDS)}. Default: {', '.join(ALWAYS)}, the last "
        "two where they have been measured. bars compares the controls of the last "
        "level; spent is accuracy against the iterations that a search took.",
    )
    flag(
        "densities",
        None,
        _list(float, lambda p: 0 < p <= 100, "use percentages such as 100,51.3,21.1"),
        "P_m in percent of the curves and weights, commas between; the nearest level "
        "is taken. Default: five (of weights four) spread over the levels.",
    )
    flag(
        "at",
        None,
        _list(_moment, lambda n: n > 0, "use iterations such as 5000, or 50%"),
        "Iterations of the iterations figure, as 2500,5000 or as parts of the "
        "training, 25%,100%. Default: 25%,50%,100%.",
    )
    flag(
        "controls",
        None,
        Value(_controls, lambda names: "" not in names, "use names, or none"),
        "Controls that are shown, as random_reinit,noise:sigma=0.5, or none. "
        "Default: all; the curves have random_reinit, or the first.",
    )
    flag(
        "levels",
        None,
        Value(_levels, bool, f"use levels such as 0,3,6-9, up to {MOST_LEVELS}"),
        "Levels that are shown, as 0,3,6-9. Default: all.",
    )
    flag("format", FORMATS, _names(FORMATS), "File formats: png, svg, pdf.")
    flag(
        "style",
        STYLES[0],
        one_of(STYLES),
        "Width and letters of the figures: page (9 inches), neurips or iclr (their "
        "text, 5.5 inches), icml (a column, 3.25 inches).",
    )
    flag(
        "output_dir",
        None,
        TEXT,
        "Directory of the figures and report.html. Default: RUN_DIR/figures, and "
        "RUN_DIR/report.html.",
    )
    flag(
        "labels",
        None,
        _list(str, bool, "use names with commas between them"),
        "Name of each search. Default: the flags in which they differ, or their "
        "directories.",
    )
    flag(
        "monitor_metric",
        None,
        TEXT,
        "Metric that is shown, by its name in the result lines, such as loss or "
        "digit_accuracy. Default: the one that they name; accuracy in older ones.",
    )
    for name, text in (
        (
            "compare",
            "Set two searches against each other: at each share of weights that both "
            "have the difference, trial by trial of the same seed.",
        ),
        (
            "serve",
            "Serve a page that is drawn again as runs finish, to this machine alone, "
            "until Ctrl-C; nothing is written.",
        ),
    ):
        flags.DEFINE_boolean(name, False, text, known)
        known[name].serializer = Serializer()
    flag("port", 8642, whole(0), "Of --serve; 0: a free one.")
    flag("flagfile", None, TEXT, "File of further flags.")
    return known


def _list(
    convert: Callable[[str], Any], allowed: Callable[[Any], bool], text: str
) -> Value:
    """The parser of values with commas between them."""

    def read(given: Any) -> tuple[Any, ...]:
        # absl parses defaults too.
        parts = given.split(",") if isinstance(given, str) else given
        return tuple(dict.fromkeys(convert(part.strip()) for part in parts))

    return Value(read, lambda found: all(map(allowed, found)), text)


def _names(known: Sequence[str]) -> Value:
    return _list(str, lambda name: name in known, f"use any of {', '.join(known)}")


def _moment(text: str) -> float:
    """Iterations above 1, or a share of the training."""
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        if not 0 < share <= 1:
            raise ValueError
        return share
    number = int(text)
    if number <= 1:
        raise ValueError
    return float(number)


def _controls(text: str) -> tuple[str, ...]:
    """Names; a part with "=" belongs to the name before it: noise,sigma=0.5."""
    names: list[str] = []
    for part in text.split(","):
        if names and "=" in part and ":" not in part:
            names[-1] += f",{part.strip()}"
        else:
            names.append(part.strip())
    return () if names == ["none"] else tuple(dict.fromkeys(names))


def _levels(text: str) -> tuple[int, ...]:
    return numbers(text, 0, MOST_LEVELS)
