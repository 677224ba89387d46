"""A whole job in a directory, made by hand: nothing of it was trained."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from lth_keras.runs import layout, trained
from lth_keras.storage import files
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets.content import TicketContent, TicketWeight
from tests.support import result_files

LEVELS = 2  # the last one
CONTROL = "noise,sigma=0.5"


def weights(
    kept: int, seed: int = 0, optimizer: bool = False
) -> tuple[tuple[TicketWeight, ...], dict[str, np.ndarray] | None]:
    """Two layers of which the first `kept` of 12 entries are on the mask."""
    rng = np.random.default_rng(seed)
    mask = (np.arange(12) < kept).reshape(3, 4)
    kernel = np.where(mask, rng.normal(size=(3, 4)), 0).astype(np.float32)
    found = (
        TicketWeight("dense", "Dense", "kernel", kernel, mask),
        TicketWeight("dense", "Dense", "bias", rng.normal(size=4).astype("f4"), None),
    )
    slots = {"m/dense/kernel": np.zeros((3, 4), np.float32), "it": np.array(7)}
    return found, slots if optimizer else None


def ticket(level: int = 1, parent: str | None = None, **fields: Any) -> TicketContent:
    """A ticket of a level: 12, 9, 6, ... entries are kept."""
    found, slots = weights(12 - 3 * level, optimizer=True)
    return TicketContent(
        found,
        level=level,
        seed=0,
        settings={"rate": 0.25},
        parent=parent,
        optimizer=slots,
        **fields,
    )


def search(root: pathlib.Path, trial: int = 0) -> layout.RunDirectory:
    """A finished search of three levels with a control."""
    directory = layout.RunDirectory(str(root))
    files.write_json(
        directory.manifest,
        {
            "settings": {"levels": LEVELS, "seed": 0, "trial": trial, "rate": 0.25},
            "versions": {"numpy": "2.0"},
            "machine": {"cpus": 2},
        },
    )
    parent = None
    for level in range(LEVELS + 1):
        one = ticket(level, parent)
        parent = one.fingerprint
        _finish(directory.level(level), one, result_files.row(level, trial=trial))
        if level == 1:
            row = result_files.row(
                level, "noise", trial=trial, parameters={"sigma": 0.5}
            )
            _finish(directory.control(CONTROL, level), one, row)
    ticket_files.save(ticket(0, step=3), directory.level(0).rewind)
    files.write_jsonl(directory.results, [])
    return directory


def _finish(
    place: layout.LevelDirectory, one: TicketContent, row: dict[str, Any]
) -> None:
    ticket_files.save(one, place.ticket)
    trained.write(
        place,
        {f"{i:04d}/{w.path}": w.value * 2 for i, w in enumerate(one.weights)},
        {
            f"{i:04d}/{w.path}": w.mask
            for i, w in enumerate(one.weights)
            if w.mask is not None
        },
    )
    columns = result_files.curve(test_accuracy=[0.5, 0.75], val_loss=[0.5, None])
    epochs = {"loss": [0.5, 0.25]}
    files.write_json(place.curve, {"curve": columns, "final": {}, "epochs": epochs})
    files.write_json(place.result, {**row, "density": one.density})


def signed_again(
    folder: pathlib.Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """Changes the manifest of a ticket and makes its checksum anew."""
    place = folder / "manifest.json"
    fields = json.loads(place.read_text())
    change(fields)
    fields.pop("manifest_sha256", None)
    text = json.dumps(fields, sort_keys=True)
    fields["manifest_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    place.write_text(json.dumps(fields))


def with_values(
    content: TicketContent, change: Callable[[np.ndarray], np.ndarray]
) -> TicketContent:
    """The ticket with other values."""
    found = tuple(
        dataclasses.replace(w, value=change(w.value)) for w in content.weights
    )
    return dataclasses.replace(content, weights=found)
