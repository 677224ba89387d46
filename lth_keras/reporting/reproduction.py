"""By which commands are the finished runs of a directory made again?

    commands(finished.read("runs/mnist"))  # python examples/lottery_search.py ...

They follow from the stored flags and from what was run, not from what is shown.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any

from lth_keras.runs import summaries
from lth_keras.runs.finished import RunFiles
from lth_keras.storage import paths

_RATES = ("rate", "conv_rate", "dense_rate", "output_rate", "layer_rates")


def commands(run: RunFiles) -> str:
    """The command lines that make all finished runs of a directory, whatever is shown.

    Trials, controls and replicates are those that were run. Controls that the search
    could not run with one --replicates at all its levels get a command of their own.

    Args:
        run: of a directory of the example program. A flag that is None was left at
            its default; the directory of the data is written as DIR.
    """
    root = f"runs/{leaf(run)}"
    groups = controls_of(run)
    every = tuple(
        sorted({each.row["level"] for each in run.made if each.key == summaries.TICKET})
    )
    pruned = tuple(level for level in every if level > 0)
    stored = run.flags.get("replicates")
    first = max(
        (key for key in groups if key[0] == pruned),
        key=lambda key: (key[1] == stored, len(groups[key])),
        default=(pruned, 1),
    )
    flags = {
        **run.flags,
        "trials": 1 + max(summaries.trial_of(each.row) for each in run.made),
        "controls": groups.pop(first, []),
        "replicates": first[1],
        "output_dir": root,
    }
    if flags.get("data_dir") is not None:
        flags["data_dir"] = "DIR"
    # How an earlier version stored a rate that was not given.
    if flags.get("rate") == "the paper's":
        del flags["rate"]
    if flags.get("budget", "none") != "none":
        # It decides in their place, and does not go with them.
        flags = {k: v for k, v in flags.items() if k not in _RATES}
    lines = [_command("python examples/lottery_search.py", flags)]
    for (levels, replicates), names in groups.items():
        flags = {
            "controls": names,
            "levels": None if levels == pruned else list(levels),
            "replicates": None if replicates == 1 else replicates,
        }
        program = f"python examples/run_controls.py {shlex.quote(root)}"
        lines.append(_command(program, flags))
    return "\n".join(lines)


def _command(program: str, flags: Mapping[str, Any]) -> str:
    """A command line, with a flag in a line; those that are None are left out."""
    words = [
        shlex.quote(f"--{name}={plain(value)}")
        for name, value in flags.items()
        if value is not None
    ]
    return " \\\n    ".join([program, *words])


def controls_of(run: RunFiles) -> dict[tuple[tuple[int, ...], int], list[str]]:
    """The controls as users write them, by the levels and replicates that were run.

    A control with more replicates at some levels than at others comes several times.
    """
    counts: dict[str, dict[int, int]] = {}
    for each in run.made:
        if each.key != summaries.TICKET:
            levels = counts.setdefault(each.key.replace(",", ":"), {})
            replicates = 1 + (each.row.get("replicate") or 0)
            level = each.row["level"]
            levels[level] = max(levels.get(level, 0), replicates)
    groups: dict[tuple[tuple[int, ...], int], list[str]] = {}
    for name, levels in counts.items():
        for number in sorted(set(levels.values()), reverse=True):
            alike = tuple(sorted(n for n in levels if levels[n] == number))
            groups.setdefault((alike, number), []).append(name)
    return groups


def leaf(run: RunFiles) -> str:
    """The directory's own name; where it is, is the user's own affair."""
    root = run.root if paths.is_remote(run.root) else os.path.abspath(run.root)
    return root.rstrip("/").rpartition("/")[2]


def plain(value: Any) -> str:
    """A setting as the command line has it."""
    if isinstance(value, (list, tuple)):
        if any(isinstance(item, (dict, list)) for item in value):
            return json.dumps(value)
        return ",".join(map(plain, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value)
    return "default" if value is None else str(value)
