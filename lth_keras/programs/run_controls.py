"""Trains controls of a search that is finished.

    lth-controls RUN_DIR --controls=random_mask,one_shot
    lth-controls RUN_DIR --controls=noise:sigma=0.5 --levels=7,9

From a checkout, python examples/run_controls.py is the same program. RUN_DIR is the
search's --output_dir. Nothing of the search is trained again: its tickets are read, its
flags too, and the results go where its own are. Controls: random_reinit
(:source=survivors, :signs=kept), reshuffle and constant (:signs=random), random_mask,
one_shot and prune_at_init (:criterion=snip), freeze (:where=moved_away), continued,
noise:sigma=0.5, fine_tune, lr_rewind, weight_rewind:step=500it, transfer:ticket=PATH
(:keep=mask, :head=ticket) of other data's tickets, or several joined by +, as in
one_shot+random_reinit.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from absl import flags

from lth_keras.arguments import MOST_LEVELS
from lth_keras.experiments import quiet
from lth_keras.programs import command_line, options, where
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.values import Value, numbers


def main(argv: Sequence[str]) -> None:
    """Runs the controls that the flags in `argv` name."""
    known = define()
    (root,) = command_line.parse(known, argv, __doc__, ["RUN_DIR"])
    given = {name: known[name].value for name in known if name not in where.NAMES}
    if not given["controls"]:
        raise FlagError("--controls is missing: name one or more")
    place = where.read(known, given["workers"])
    with quiet.quiet_import():
        from lth_keras.programs import searches, searching, stored_options
        from lth_keras.runs import layout
    changes = {name: v for name, v in given.items() if v is not None}
    levels = changes.pop("levels", None)
    directory = layout.ExperimentDirectory(root)
    stored = stored_options.options_of(directory)
    searching.check_workers(stored, 1 if place.elsewhere else changes.get("workers"))
    asked = dataclasses.replace(stored, **changes)
    known = set(stored.pruned_levels)
    if searches.go_with_dense(asked):
        known.add(0)
    wrong = [n for n in levels or () if n not in known]
    if wrong:
        raise FlagError(
            f"--levels={max(wrong)}: the search in {root} has levels "
            f"{stored.pruned_levels[0]} to {stored.last_level}"
        )
    searching.run_controls(asked, levels, place)


def define() -> flags.FlagValues:
    """New flags, apart from absl's global ones."""
    known = flags.FlagValues()
    search = options.define()
    for name in ("controls", "replicates", "workers", "data_dir", *where.NAMES):
        known[name] = search[name]
    known["controls"].value = ()
    for name in ("workers", "data_dir"):
        known[name].value = None
    flags.DEFINE(
        Value(_levels, bool, f"use numbers such as 7,9,12, up to {MOST_LEVELS}"),
        "levels",
        None,
        "Levels whose densities the controls have, numbers with commas between them. "
        "Default: all.",
        known,
    )
    return known


def _levels(text: str) -> tuple[int, ...]:
    return numbers(text, 0, MOST_LEVELS)


def program() -> int:
    """The console command; returns its exit code."""
    return command_line.run(main, sys.argv, ["data_dir"])
