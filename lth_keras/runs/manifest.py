"""search.json: the settings that a search was started with, and compared with."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from lth_keras import version
from lth_keras.errors import LotteryError
from lth_keras.runs import layout
from lth_keras.storage import fields, files, paths, sharing


def write_or_check(
    directory: layout.RunDirectory,
    found: dict[str, Any],
    told: Mapping[str, Any] | None = None,
) -> None:
    """Stores the settings of a new search, or compares with the stored ones.

    Args:
        directory: of the search, held by this process.
        found: as `settings` returns them.
        told: what else a reader may want to know of a new search; not compared.

    Raises:
        LotteryError: names every setting that differs, stored and given.
    """
    if not paths.exists(directory.manifest):
        if directory.levels():
            raise LotteryError(
                f"{directory.root} holds levels but no search.json: choose another "
                "directory."
            )
        files.write_json(
            directory.manifest,
            {
                "settings": found,
                "versions": version.versions(),
                # Told, not compared: where threads are 0, they are as many.
                "machine": {"cpus": os.cpu_count()},
                **(told or {}),
            },
        )
        if not sharing.is_joined():
            return
        # Every process of a group compares its own settings with the chief's.
    stored = read(directory)
    differing = [
        f"{name} (stored {_short(stored.get(name))}, given {_short(found.get(name))})"
        for name in {**stored, **found}
        if _compared(stored.get(name)) != _compared(found.get(name))
    ]
    if differing:
        raise LotteryError(
            f"{directory.root} holds a search with other settings: "
            f"{', '.join(differing)}. Use the same ones to go on, or another "
            "directory."
        )


def _compared(value: Any) -> Any:
    """The setting without the modules in which registered classes are defined.

    Keras finds such a class by its name, and it may have moved since. Nor with the
    number by which Keras 3 tells the optimizers of a process from each other.
    """
    if not isinstance(value, dict):
        return value
    moved = {"module"} if value.get("registered_name") else set()
    found = {k: _compared(v) for k, v in value.items() if k not in moved}
    kind = value.get("class_name")
    if isinstance(found.get("config"), dict) and isinstance(kind, str):
        name = str(found["config"].get("name"))
        bare = re.sub(r"_\d+$", "", name)
        if bare.replace("_", "") == kind.lower():
            found["config"]["name"] = kind.lower()
    return found


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read(directory: layout.RunDirectory) -> dict[str, Any]:
    """The stored settings.

    Raises:
        LotteryError: no search is stored there, or it says no levels, seed and trial.
    """
    if not paths.exists(directory.manifest):
        raise LotteryError(
            f"{directory.root} holds no search: there is no search.json in it."
        )
    stored = files.read_json(directory.manifest)
    if not isinstance(stored, dict) or not isinstance(stored.get("settings"), dict):
        raise LotteryError(f"{directory.manifest} is not the manifest of a search.")
    record = fields.Record(
        stored["settings"], directory.manifest, "choose another directory"
    )
    for name in ("levels", "seed", "trial"):
        record.whole(name)
    return record.values
