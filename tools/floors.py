"""The rooms of the library, from the ground up, and what may import what.

A room is a folder of `lth_keras/` with all below it, or a file that stands beside
these folders. It imports rooms of lower floors only; the files of one room import each
other without going in a circle.
"""

from __future__ import annotations

import graphlib

LIBRARY = "lth_keras"
FLOORS = (
    "backend errors lazy notebook version",
    "arguments",
    "compat pruning storage",
    "converting",
    "masking",
    "compacting export tickets",
    "runs",
    "hub reporting training",
    "papers search",
    "controls methods",
    "analysis",
    "experiments",
    "programs",
    # The facade, which nothing below may ask for.
    "door",
    "public",
    "registration",
    "__init__",
)
# Rooms that one other alone imports: the library knows no network and no data set.
ONLY_FOR = {"papers": "programs"}
# What a room may import besides Python itself, where that is the point of it.
PIP_ALLOWED: dict[str, set[str]] = {
    "backend": set(),
    "errors": set(),
    "lazy": set(),
    "notebook": set(),
    "version": set(),
    "arguments": set(),
    "pruning": {"numpy"},
}
# Runs where nothing of ours is installed: that wall makes an export trustworthy.
ALONE = ("lth_keras/export/fresh_process.py",)


def room(source: str) -> str | None:
    """The room of a source: lth_keras/pruning/criteria/weights.py -> pruning.

    None for a source that is not part of the library.
    """
    folder, *parts = source.split("/")
    return parts[0].removesuffix(".py") if folder == LIBRARY else None


def floor(source: str) -> int | None:
    """The floor of a source, from 1; None for one that is not part of the library.

    Raises:
        ValueError: its room is not in the table.
    """
    name = room(source)
    if name is None:
        return None
    for number, rooms in enumerate(FLOORS, start=1):
        if name in rooms.split():
            return number
    raise ValueError(f"{source}: {name} has no place in FLOORS of tools/floors.py")


def upward(graph: dict[str, set[str]]) -> list[str]:
    """The imports that do not go down.

    Args:
        graph: the sources of the library, each with the sources that it imports.
    """
    found = []
    for source, imported in sorted(graph.items()):
        for other in sorted(imported):
            low, high = floor(other), floor(source)
            down = low is not None and high is not None and low < high
            if not down and room(source) != room(other):
                found.append(f"{source} (floor {high}) -> {other} (floor {low})")
    return found


def circles(graph: dict[str, set[str]]) -> list[str]:
    """One circle of imports within each room that has any, as a -> b -> a."""
    found = []
    for name in sorted({str(room(source)) for source in graph}):
        inside = {s: d for s, d in sorted(graph.items()) if room(s) == name}
        try:
            within = {s: sorted(d & set(inside)) for s, d in inside.items()}
            graphlib.TopologicalSorter(within).prepare()
        except graphlib.CycleError as error:
            found.append(" -> ".join(reversed(error.args[1])))
    return found


def not_for_all(graph: dict[str, set[str]]) -> list[str]:
    """The imports of a room that is there for one other alone."""
    return [
        f"{source} -> {other}"
        for source, imported in sorted(graph.items())
        for other in sorted(imported)
        if (owner := ONLY_FOR.get(str(room(other))))
        and room(source) not in (owner, room(other))
    ]
