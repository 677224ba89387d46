"""manifest.json of a ticket: what it says, and what each field of it must be.

It is written last and names the SHA-256 of every other file and, of itself, that of its
fields; neither is a signature, and whoever alters a ticket can make both anew. So
every name, kind and size in it is looked at before a file is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError, shown
from lth_keras.storage import fields, files, json_text, paths
from lth_keras.tickets import entries
from lth_keras.tickets.content import TicketContent
from lth_keras.tickets.entries import ADVICE, TEXT, Entry
from lth_keras.version import versions

MASKS, WEIGHTS, OPTIMIZER = "masks.npz", "weights.npz", "optimizer.npz"
# Of tickets whose pruned weights are frozen at values; no other has it.
FROZEN = "frozen.npz"
NAME = "manifest.json"
_FORMAT = "lth_keras ticket 1"
_CHECKSUM = "manifest_sha256"
# Heads, names and directory of an archive, per member and in all; bytes.
_PER_MEMBER, _PER_FILE = 20_000, 1 << 20
# Slots of an optimizer, and what else it may hold, in sizes of the network.
_SLOTS = 16


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A manifest, each field of its kind.

    Attributes:
        entries: one per weight, in the order of the ticket.
        sha256: of each other file, by its name.
        level: pruning rounds.
        step: training step of the weights.
        seed: of the search, or None.
        settings: of the search.
        parent: fingerprint of the ticket of the level before, or None.
        fingerprint: the ticket's own.
        density: P_m over the prunable weights.
    """

    entries: tuple[Entry, ...]
    sha256: Mapping[str, str]
    level: int
    step: int
    seed: int | None
    settings: dict[str, Any]
    parent: str | None
    fingerprint: str
    density: float

    @property
    def names(self) -> list[str]:
        """What the weights are called in the files."""
        return [f"{i:04d}/{entry.path}" for i, entry in enumerate(self.entries)]

    def limit(self, file: str) -> int:
        """Bytes that one of the files may have."""
        count = len(self.entries)
        size = sum(entry.bytes for entry in self.entries)
        if file == OPTIMIZER:
            count, size = _SLOTS * (count + 8), _SLOTS * size
        return size + count * _PER_MEMBER + _PER_FILE


def write(folder: str, ticket: TicketContent, sha256: Mapping[str, str]) -> None:
    """Writes the manifest of a ticket whose other files are there.

    Args:
        folder: the directory.
        ticket: what the files hold.
        sha256: of each other file, by its name.
    """
    value = {
        "format": _FORMAT,
        "level": ticket.level,
        "density": ticket.density,
        "step": ticket.step,
        "seed": ticket.seed,
        "settings": ticket.settings,
        "parent": ticket.parent,
        "fingerprint": ticket.fingerprint,
        "versions": versions(),
        "weights": [
            {
                "layer": w.layer,
                "class": w.kind,
                "name": w.name,
                "shape": list(w.value.shape),
                "dtype": w.value.dtype.name,
                "density": None if w.mask is None else float(np.mean(w.mask)),
            }
            for w in ticket.weights
        ],
        "sha256": dict(sha256),
    }
    # Of the fields as they are read back: JSON turns tuples into lists.
    read_back = json.loads(json.dumps(json_text.plain(value)))
    value[_CHECKSUM] = _checksum_of(read_back)
    files.write_json(paths.join(folder, NAME), value)


def read(path: paths.PathLike) -> Manifest:
    """Reads the manifest of a ticket.

    Args:
        path: the directory of the ticket.

    Raises:
        LotteryError: no ticket is there, or a field is missing, altered or of another
            kind; the message names it.
    """
    place = paths.join(path, NAME)
    if not paths.exists(place):
        raise LotteryError(
            f"{path} holds no ticket: there is no {NAME}. Pass a directory that "
            "Ticket.save wrote, such as RUN/level09/ticket."
        )
    value = files.read_json(place)
    found = value.get("format") if isinstance(value, dict) else None
    if found != _FORMAT:
        raise LotteryError(
            f"{path} holds no ticket of this version: its format is {shown(found)}, "
            f"this lth_keras reads {_FORMAT!r}."
        )
    if value.get(_CHECKSUM) != _checksum_of(value):
        raise LotteryError(
            f"ticket {path}: {NAME} is altered (its SHA-256 is not the one it "
            "names); copy the ticket again."
        )
    record = fields.Record(value, f"ticket {path}: {NAME}", ADVICE)
    found_entries = tuple(
        entries.read(each, f"{record.what}, weight {i}")
        for i, each in enumerate(record.list("weights"))
    )
    if not found_entries:
        raise record.refusal("weights", "a list with a weight or more")
    return Manifest(
        entries=found_entries,
        sha256=_digests(record),
        level=record.whole("level"),
        step=record.whole("step"),
        seed=record.present("seed").whole("seed", optional=True),
        settings=record.object("settings"),
        parent=record.present("parent").text("parent", TEXT, optional=True),
        fingerprint=record.text("fingerprint", fields.SHA256),
        density=_density(record),
    )


def _digests(record: fields.Record) -> dict[str, str]:
    value = record.object("sha256")
    if not {MASKS, WEIGHTS} <= set(value) <= {MASKS, WEIGHTS, OPTIMIZER, FROZEN}:
        raise record.refusal(
            "sha256",
            f"a SHA-256 for {MASKS}, {WEIGHTS} and perhaps {OPTIMIZER} and {FROZEN} "
            "alone",
        )
    found = fields.Record(value, f"{record.what}, sha256", ADVICE)
    return {name: found.text(name, fields.SHA256) for name in value}


def _density(record: fields.Record) -> float:
    value = record.number("density", "a fraction", optional=False)
    if value is None or not 0 <= value <= 1:
        raise record.refusal("density", "a fraction")
    return value


def _checksum_of(value: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest's fields but for the checksum itself."""
    fields_ = {k: v for k, v in value.items() if k != _CHECKSUM}
    return hashlib.sha256(json.dumps(fields_, sort_keys=True).encode()).hexdigest()
