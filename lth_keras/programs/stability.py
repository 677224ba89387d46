"""Measures how stable a finished search is to the order of its data.

    lth-stability RUN_DIR --levels=0,7
    lth-stability RUN_DIR --rewind_to=0it,100it,500it --levels=0,7 --of=random_mask

From a checkout, python examples/stability.py is the same program. RUN_DIR is the
search's --output_dir. From each iteration k of --rewind_to, the mask of each level is
trained twice (--children), in two data orders; along the line between the two networks
the error is measured at 30 places (--alphas). Instability is the largest of these minus
the mean of the ends, in points: below 2, training is called stable (arXiv 1912.05671).
Nothing of the search is trained again. Ends with a table; lth-plot RUN_DIR
--kinds=stability draws it. Stopped and started again, it goes on. --engine=ray trains
on a cluster.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from lth_keras.arguments import MOST_ALPHAS, MOST_CHILDREN, MOST_LEVELS
from lth_keras.experiments import quiet
from lth_keras.programs import command_line, options, where
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.values import Serializer, Value, numbers, split, whole

# Flags that are arguments of the library by the same name.
ARGUMENTS = ("data_dir", "of", "rewind_to", "levels")


def main(argv: Sequence[str]) -> None:
    """Measures what the flags in `argv` describe."""
    known = define()
    (root,) = command_line.parse(known, argv, __doc__, ["RUN_DIR"])
    given = {name: known[name].value for name in known if name not in where.NAMES}
    place = where.read(known, given["workers"])
    with quiet.quiet_import():
        from lth_keras.analysis.study import Study
        from lth_keras.programs import searching, stored_options
        from lth_keras.runs import layout
    stored = stored_options.options_of(layout.ExperimentDirectory(root))
    searching.check_workers(stored, 1 if place.elsewhere else given["workers"])
    levels = given["levels"] or (0, stored.last_level)
    if wrong := [level for level in levels if level > stored.last_level]:
        raise FlagError(
            f"--levels={max(wrong)}: the search in {root} has levels 0 to "
            f"{stored.last_level}"
        )
    changes = {
        name: given[name] for name in ("workers", "data_dir") if given[name] is not None
    }
    study = Study(
        levels=levels,
        rewind_to=given["rewind_to"],
        of=given["of"],
        children=given["children"],
        alphas=given["alphas"],
        examples=given["examples"] or None,
    )
    searching.run_stability(dataclasses.replace(stored, **changes), study, place)


def define() -> flags.FlagValues:
    """New flags, apart from absl's global ones."""
    known = flags.FlagValues()
    known.set_gnu_getopt()

    def flag(name: str, default: Any, parser: Value, text: str) -> None:
        flags.DEFINE(parser, name, default, text, known, Serializer())

    flag(
        "rewind_to",
        ("0it",),
        _names("use iterations such as 0it,100it,500it"),
        "Iterations k that the networks start from, with commas between them.",
    )
    flag(
        "levels",
        None,
        Value(
            lambda text: numbers(text, 0, MOST_LEVELS),
            bool,
            f"use numbers such as 0,7,12, up to {MOST_LEVELS}",
        ),
        "Levels whose masks are trained, numbers with commas between them; 0 is the "
        "dense network. Default: 0 and the last.",
    )
    flag(
        "of",
        ("ticket",),
        _names("use names such as ticket,inits,random_mask"),
        "What is trained: ticket; inits, two initialisations of their own, which no "
        "line connects; or controls, with the same draws for all children, such as "
        "random_mask or random_reinit (from 0it alone).",
    )
    flag(
        "children",
        2,
        whole(2, MOST_CHILDREN),
        "Networks that are trained from each start; a line for each pair.",
    )
    flag(
        "alphas",
        30,
        whole(2, MOST_ALPHAS),
        "Evenly spaced places on each line, at which the error is measured.",
    )
    flag(
        "examples",
        10_000,
        whole(0),
        "Errors are of the first so many test and training examples; 0: all.",
    )
    search = options.define()
    for name in ("workers", "data_dir", *where.NAMES):
        known[name] = search[name]
    for name in ("workers", "data_dir"):
        known[name].value = None
    return known


def _names(text: str) -> Value:
    def read(given: Any) -> tuple[str, ...]:
        # absl parses defaults too.
        parts = split(given) if isinstance(given, str) else given
        return tuple(dict.fromkeys(parts))

    allowed: Callable[[Any], bool] = lambda names: "" not in names  # noqa: E731
    return Value(read, allowed, text)


def program() -> int:
    """The console command; returns its exit code."""
    return command_line.run(main, sys.argv, ARGUMENTS)
