"""The weights that a run ended with, and the SHA-256 that they are known by.

Of a pruned weight only what the run's mask keeps is stored, so that files shrink with
density. Runs of earlier versions hold all entries, and are read as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.runs import repair
from lth_keras.runs.layout import LevelDirectory
from lth_keras.storage import arrays, fields, files, paths, sharing
from lth_keras.tickets import entries, packing
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets import manifest as manifests

_NAME = "weights.npz"
# Which trained weights a search keeps: every run's, or those that it needs to go on.
KEEP = ("all", "needed")


def write(
    place: LevelDirectory,
    weights: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray],
) -> None:
    """Stores the weights, and then their SHA-256.

    Args:
        place: of the run, which is not finished yet.
        weights: by name, as the run's ticket lists them.
        masks: of the ticket, by the names of the weights that it prunes. What is not
            +0.0 where they prune is stored with all its entries.
    """
    stored = {
        name: packing.made_packed(value, masks[name]) if name in masks else value
        for name, value in weights.items()
    }
    digest = arrays.write_arrays(place.trained_weights, stored)
    files.write_json(place.trained_manifest, {"sha256": {_NAME: digest}})


@sharing.by_chief
def discard(place: LevelDirectory) -> None:
    """Removes the weights of a finished run, and says so beside its ticket.

    Done twice it is done; killed between, it can be done again.
    """
    record = {"sha256": {_NAME: _sha256(place)}, "discarded": True}
    if not is_discarded(place):
        files.write_json(place.trained_manifest, record)
    if paths.exists(place.trained_weights):
        with paths.errors_naming(place.trained_weights, "remove"):
            paths.remove(place.trained_weights)


def is_discarded(place: LevelDirectory) -> bool:
    """Whether the weights were removed on purpose.

    Raises:
        LotteryError: the record is damaged.
    """
    if not paths.exists(place.trained_manifest):
        return False
    with repair.advised(place.root):
        stored = files.read_json(place.trained_manifest)
    return isinstance(stored, dict) and stored.get("discarded") is True


def read(place: LevelDirectory) -> dict[str, np.ndarray]:
    """The weights by name, which are of the network of the run's ticket.

    Runs of earlier versions have no SHA-256: then each array's CRC-32 has to do.

    Raises:
        LotteryError: they are missing, damaged or of another network, one that can be
            pruned is NaN, or they were discarded.
    """
    if is_discarded(place):
        raise LotteryError(
            f"{place.root} has no trained weights: keep_trained='needed' removed them "
            "when they were not needed any more; search with keep_trained='all' in "
            "another directory to have them."
        )
    with repair.advised(place.root):
        expected = manifests.read(place.ticket)
        found = arrays.read_arrays(
            place.trained_weights, expected.limit(manifests.WEIGHTS), _sha256(place)
        )
        found = _scattered(place, expected, found)
        kinds = [(e.shape, entries.dtype_of(e.dtype)) for e in expected.entries]
        if kinds != [(value.shape, value.dtype) for value in found.values()]:
            raise LotteryError(
                f"{place.trained_weights} is not of the same network as {place.ticket}"
            )
        for entry, value in zip(expected.entries, found.values(), strict=True):
            # Nothing can be ranked by it.
            if entry.masked and np.isnan(np.sum(value)) and np.isnan(value).any():
                raise LotteryError(f"{place.trained_weights} has NaN in {entry.path}")
        return found


def _scattered(
    place: LevelDirectory, expected: manifests.Manifest, found: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The arrays with +0.0 where they were pruned, as far as they fit the masks."""
    pairs = list(zip(expected.entries, found, strict=False))
    if all(found[name].shape == entry.shape for entry, name in pairs):
        return found
    masks = ticket_files.masks(place.ticket, expected)
    for (entry, name), mask in zip(pairs, masks, strict=False):
        value = found[name]
        if mask is None or value.shape == entry.shape:
            continue
        if value.shape == (np.count_nonzero(mask),):
            found[name] = packing.scattered(value, mask)
    return found


def _sha256(place: LevelDirectory) -> str | None:
    if not paths.exists(place.trained_manifest):
        return None
    record = fields.Record(
        files.read_json(place.trained_manifest), place.trained_manifest
    )
    named = fields.Record(record.object("sha256"), place.trained_manifest)
    return named.text(_NAME, fields.SHA256)
