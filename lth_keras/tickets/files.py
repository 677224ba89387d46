"""A ticket on disk: two or three files of arrays and a manifest with checksums.

Nothing is pickled. The manifest is written last and names the SHA-256 of every other
file, so a truncated, mixed-up or foreign directory is told apart from a ticket.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.masking import slots
from lth_keras.storage import arrays, directories, files, paths
from lth_keras.tickets.content import TicketContent, TicketWeight
from lth_keras.version import versions

_FORMAT = "lth_keras ticket 1"
_MANIFEST = "manifest.json"
_CHECKSUM = "manifest_sha256"


def save(ticket: TicketContent, path: paths.PathLike, overwrite: bool = False) -> None:
    """Writes a ticket as a new directory, atomically.

    Args:
        ticket: what to write.
        path: the directory to make, local or gs://.
        overwrite: whether to replace what is there.

    Raises:
        LotteryError: the path exists, or cannot be written.
    """
    with directories.atomic_directory(path, overwrite=overwrite) as folder:
        names = [f"{i:04d}/{w.path}" for i, w in enumerate(ticket.weights)]
        contents = {
            "masks.npz": {
                name: np.packbits(w.mask)
                for name, w in zip(names, ticket.weights, strict=True)
                if w.mask is not None
            },
            # Of a pruned weight only what is kept: files shrink with density.
            "weights.npz": {
                name: w.value if w.mask is None else w.value[w.mask]
                for name, w in zip(names, ticket.weights, strict=True)
            },
        }
        if ticket.optimizer is not None:
            contents["optimizer.npz"] = slots.stored(ticket.optimizer)
        for file, content in contents.items():
            arrays.write_arrays(paths.join(folder, file), content)
        manifest = {
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
            "sha256": {
                file: files.sha256(paths.join(folder, file)) for file in contents
            },
        }
        place = paths.join(folder, _MANIFEST)
        files.write_json(place, manifest)
        # Of the fields as they are read back: JSON turns tuples into lists.
        files.write_json(place, {**manifest, _CHECKSUM: _checksum_of(place)})


_Content = TypeVar("_Content", bound=TicketContent)


def load(path: paths.PathLike, kind: type[_Content]) -> _Content:
    """Reads a ticket and checks every file, name and shape.

    Args:
        path: the directory, local or gs://.
        kind: the class to make of it.

    Raises:
        LotteryError: no ticket is there, a file is missing, truncated or altered, or
            a weight is not what the manifest says; the message names it.
    """
    manifest = _manifest(path)
    for file, expected in manifest["sha256"].items():
        place = paths.join(path, file)
        if not paths.exists(place):
            raise LotteryError(f"ticket {path}: {file} is missing; copy it whole.")
        if files.sha256(place) != expected:
            raise LotteryError(
                f"ticket {path}: {file} is truncated or altered (its SHA-256 is not "
                "the manifest's); copy it again or find the ticket anew."
            )
    values = arrays.read_arrays(paths.join(path, "weights.npz"))
    packed = arrays.read_arrays(paths.join(path, "masks.npz"))
    optimizer = None
    if "optimizer.npz" in manifest["sha256"]:
        optimizer = arrays.read_arrays(paths.join(path, "optimizer.npz"))
    weights = []
    for position, entry in enumerate(manifest["weights"]):
        name = f"{position:04d}/{entry['layer']}/{entry['name']}"
        weights.append(_weight(path, entry, values.get(name), packed.get(name)))
    ticket = kind(
        weights=tuple(weights),
        level=manifest["level"],
        step=manifest["step"],
        seed=manifest["seed"],
        settings=manifest["settings"],
        parent=manifest["parent"],
        optimizer=optimizer,
    )
    if ticket.fingerprint != manifest["fingerprint"]:
        raise LotteryError(
            f"ticket {path}: the weights are not those of the manifest; copy the "
            "ticket again."
        )
    return ticket


def _manifest(path: paths.PathLike) -> dict[str, Any]:
    place = paths.join(path, _MANIFEST)
    if not paths.exists(place):
        raise LotteryError(
            f"{path} holds no ticket: there is no {_MANIFEST}. Pass a directory that "
            "Ticket.save wrote, such as RUN/level09/ticket."
        )
    manifest = files.read_json(place)
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != _FORMAT:
        raise LotteryError(
            f"{path} holds no ticket of this version: its format is {found!r}, this "
            f"lth_keras reads {_FORMAT!r}."
        )
    if manifest.get(_CHECKSUM) != _checksum_of(place):
        raise LotteryError(
            f"ticket {path}: {_MANIFEST} is altered (its SHA-256 is not the one it "
            "names); copy the ticket again."
        )
    return manifest


def _checksum_of(place: paths.PathLike) -> str:
    """SHA-256 of a manifest's fields but for the checksum itself."""
    fields = {k: v for k, v in files.read_json(place).items() if k != _CHECKSUM}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _weight(
    path: paths.PathLike,
    entry: dict[str, Any],
    value: np.ndarray | None,
    packed: np.ndarray | None,
) -> TicketWeight:
    label = f"ticket {path}: weight {entry['layer']}/{entry['name']}"
    shape = tuple(entry["shape"])
    size = int(np.prod(shape))
    if value is None or (packed is None) != (entry["density"] is None):
        raise LotteryError(f"{label} is in the manifest but not in the files.")
    mask = None
    if packed is not None:
        if packed.size != -(-size // 8):
            raise LotteryError(f"{label}: its mask has not the shape {shape}.")
        mask = np.unpackbits(packed, count=size).astype(bool).reshape(shape)
        if value.shape != (int(np.count_nonzero(mask)),):
            raise LotteryError(
                f"{label}: {value.size} values for {np.count_nonzero(mask)} kept."
            )
        dense = np.zeros(shape, value.dtype)
        dense[mask] = value
        value = dense
    if value.shape != shape or value.dtype.name != entry["dtype"]:
        raise LotteryError(
            f"{label} is {value.dtype.name} of shape {value.shape}; the manifest says "
            f"{entry['dtype']} of shape {shape}."
        )
    return TicketWeight(entry["layer"], entry["class"], entry["name"], value, mask)
