"""Result rows, curves and run directories written by hand, for tests of reports."""

from __future__ import annotations

import os
from typing import Any

from lth_keras.runs import layout
from lth_keras.storage import files


def row(level: int = 0, control: str = "ticket", **others: Any) -> dict[str, Any]:
    """A result row."""
    return {
        "trial": 0,
        "level": level,
        "control": control,
        "replicate": 0,
        "parameters": {},
        "density": 0.8**level,
        "iterations": 2000,
        "early_stop_iteration": 400,
        "early_stop_test_accuracy": 0.98,
        "test_accuracy": 0.975,
        "validation_loss": 0.07,
        "train_accuracy": 1.0,
        "seconds": 1.0,
        "seed": 0,
        **others,
    }


def search(levels: int, *controls: str, trials: int = 1) -> list[dict[str, Any]]:
    """Rows of a whole search; accuracies differ by level and trial."""
    return [
        row(level, control, trial=trial, test_accuracy=0.98 - (level + trial) / 1000)
        for trial in range(trials)
        for level in range(levels)
        for control in ("ticket", *controls)
        if level or control == "ticket"
    ]


def curve(**metrics: list) -> dict[str, list]:
    """A curve with an evaluation every 100 iterations."""
    count = max(map(len, metrics.values()))
    return {"iteration": [100 * (n + 1) for n in range(count)], **metrics}


def store(
    root: os.PathLike[str], result: dict[str, Any], found: dict[str, list] | None = None
) -> layout.LevelDirectory:
    """Writes a finished run into the directory of a search."""
    directory = layout.RunDirectory(os.fspath(root))
    level, control = result["level"], result["control"]
    settings = [f"{k}={v}" for k, v in result["parameters"].items()]
    place = (
        directory.level(level)
        if control == "ticket"
        else directory.control(
            ",".join([control, *settings]), level, result["replicate"]
        )
    )
    files.write_json(place.result, result)
    files.write_json(
        place.curve, {"curve": found or curve(test_accuracy=[0.9, 0.95, 0.97, 0.98])}
    )
    return place


def store_settings(root: os.PathLike[str], **flags: Any) -> None:
    """Makes a directory that of the example program."""
    files.write_json(os.path.join(root, "settings.json"), {"flags": flags})
