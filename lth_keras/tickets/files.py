"""A ticket on disk: two or three files of arrays and a manifest with checksums.

Nothing is pickled. The manifest is written last and names the SHA-256 of every other
file, so a truncated, mixed-up or foreign directory is told apart from a ticket. What
is read may be somebody else's: of a manifest whose checksums are right everything else
may still be wrong.
"""

from __future__ import annotations

import dataclasses
from concurrent import futures
from typing import Any, TypeVar

import numpy as np

from lth_keras.errors import LotteryError, shown
from lth_keras.masking import slots
from lth_keras.storage import arrays, directories, paths
from lth_keras.tickets import manifest as manifests
from lth_keras.tickets import packing
from lth_keras.tickets.content import Fingerprint, TicketContent, TicketWeight
from lth_keras.tickets.entries import Entry, dtype_of
from lth_keras.tickets.manifest import FROZEN, MASKS, OPTIMIZER, WEIGHTS, Manifest


def save(ticket: TicketContent, path: paths.PathLike, overwrite: bool = False) -> None:
    """Writes a ticket as a new directory, atomically.

    Args:
        ticket: what to write.
        path: the directory to make, local or gs://.
        overwrite: whether to replace what is there.

    Raises:
        LotteryError: the path exists, or cannot be written, or a weight is NaN or
            infinite, which no network can start from.
    """
    names = [f"{i:04d}/{w.path}" for i, w in enumerate(ticket.weights)]
    kept = {
        # Of a pruned weight only what is kept: files shrink with density.
        name: w.value if w.mask is None else packing.made_kept(w.value, w.mask)
        for name, w in zip(names, ticket.weights, strict=True)
    }
    for weight in ticket.weights:
        if not _is_finite(weight.effective):
            raise LotteryError(
                f"the ticket's weight {weight.path} is NaN or infinite: no network can "
                "start from it; take the ticket of finite weights."
            )
    with (
        directories.atomic_directory(path, overwrite=overwrite) as folder,
        futures.ThreadPoolExecutor(1) as pool,
    ):
        # Meanwhile: it takes as long as the writing of the weights.
        fingerprint = pool.submit(lambda: ticket.fingerprint)
        contents: dict[str, dict[str, Any]] = {
            MASKS: {
                name: np.packbits(w.mask)
                for name, w in zip(names, ticket.weights, strict=True)
                if w.mask is not None
            },
            WEIGHTS: kept,
        }
        if held := packing.frozen(names, ticket):
            contents[FROZEN] = held
        if ticket.optimizer is not None:
            contents[OPTIMIZER] = slots.stored(ticket.optimizer)
        sha256 = {
            file: arrays.write_arrays(paths.join(folder, file), content)
            for file, content in contents.items()
        }
        fingerprint.result()
        manifests.write(folder, ticket, sha256)


_Content = TypeVar("_Content", bound=TicketContent)


def load(path: paths.PathLike, kind: type[_Content]) -> _Content:
    """Reads a ticket and checks every file, name, shape and number.

    Args:
        path: the directory, local or gs://.
        kind: the class to make of it.

    Raises:
        LotteryError: no ticket is there, a file is missing, truncated, altered or no
            regular file, or a weight is not what the manifest says, or is NaN or
            infinite; the message names it.
    """
    manifest = manifests.read(path)
    packed = _arrays(path, manifest, MASKS)
    values = _arrays(path, manifest, WEIGHTS)
    optimizer = None
    if OPTIMIZER in manifest.sha256:
        optimizer = _arrays(path, manifest, OPTIMIZER)
    masked = [
        name
        for name, entry in zip(manifest.names, manifest.entries, strict=True)
        if entry.masked
    ]
    held: dict[str, np.ndarray] = {}
    if FROZEN in manifest.sha256:
        held = _arrays(path, manifest, FROZEN)
        _check_names(path, FROZEN, held, sorted(set(masked) & set(held)))
    _check_names(path, WEIGHTS, values, manifest.names)
    _check_names(path, MASKS, packed, masked)
    weights, fingerprint = [], Fingerprint()
    with futures.ThreadPoolExecutor(1) as pool:
        taken = []
        for name, entry in zip(manifest.names, manifest.entries, strict=True):
            # Without the lists' own references a masked weight is not held twice.
            value, mask = values.pop(name), packed.pop(name, None)
            weight = _weight(path, entry, value, mask)
            if name in held:
                weight = _with_frozen(path, weight, held.pop(name))
            weights.append(weight)
            taken.append(pool.submit(fingerprint.add, weights[-1]))
        for each in taken:
            each.result()
    if fingerprint.hexdigest() != manifest.fingerprint:
        raise LotteryError(
            f"ticket {path}: the weights are not those of the manifest; copy the "
            "ticket again."
        )
    ticket = kind(
        weights=tuple(weights),
        level=manifest.level,
        step=manifest.step,
        seed=manifest.seed,
        settings=manifest.settings,
        parent=manifest.parent,
        optimizer=optimizer,
    )
    # It has just been computed, of arrays that nobody else has seen.
    ticket.__dict__["fingerprint"] = manifest.fingerprint
    if abs(ticket.density - manifest.density) > 1e-6:
        raise LotteryError(
            f"ticket {path}: its density is {ticket.density:.6g}, the manifest says "
            f"{manifest.density:.6g}; copy the ticket again."
        )
    return ticket


def masks(path: paths.PathLike, manifest: Manifest) -> list[np.ndarray | None]:
    """The masks of a ticket alone, in the order of its weights.

    Args:
        path: the directory, local or gs://.
        manifest: the ticket's.

    Returns:
        Boolean arrays of the weights' shapes, None where a weight is not prunable.

    Raises:
        LotteryError: the masks are missing, altered or of other weights.
    """
    packed = _arrays(path, manifest, MASKS)
    named = list(zip(manifest.names, manifest.entries, strict=True))
    _check_names(path, MASKS, packed, [name for name, entry in named if entry.masked])
    return [
        _mask(path, entry, packed[name]) if entry.masked else None
        for name, entry in named
    ]


def _arrays(
    path: paths.PathLike, manifest: Manifest, file: str
) -> dict[str, np.ndarray]:
    """One of the files, read once, of the SHA-256 that the manifest names."""
    place = paths.join(path, file)
    if not paths.exists(place):
        raise LotteryError(f"ticket {path}: {file} is missing; copy it whole.")
    try:
        return arrays.read_arrays(place, manifest.limit(file), manifest.sha256[file])
    except arrays.ChecksumError:
        raise LotteryError(
            f"ticket {path}: {file} is truncated or altered (its SHA-256 is not "
            "the manifest's); copy it again or find the ticket anew."
        ) from None


def _check_names(
    path: paths.PathLike, file: str, found: dict[str, np.ndarray], names: list[str]
) -> None:
    if wrong := sorted(set(found) ^ set(names)):
        where = "the files" if wrong[0] in names else "the manifest"
        raise LotteryError(
            f"ticket {path}: {file} and the manifest have not the same weights, "
            f"{shown(wrong[0])} is not in {where}; copy the ticket again."
        )


def _weight(
    path: paths.PathLike, entry: Entry, value: np.ndarray, packed: np.ndarray | None
) -> TicketWeight:
    label = f"ticket {path}: weight {entry.path}"
    if value.dtype != dtype_of(entry.dtype):
        raise LotteryError(f"{label} is {value.dtype}; the manifest says {entry.dtype}")
    if not _is_finite(value):
        raise LotteryError(
            f"{label} is NaN or infinite: no network can start from it; find the "
            "ticket anew."
        )
    mask = None
    if packed is not None:
        mask = _mask(path, entry, packed)
        count = int(np.count_nonzero(mask))
        if value.shape != (count,):
            raise LotteryError(f"{label}: {value.size} values for {count} kept.")
        value = packing.scattered(value, mask)
    if value.shape != entry.shape:
        raise LotteryError(
            f"{label} has shape {value.shape}; the manifest says {entry.shape}."
        )
    return TicketWeight(entry.layer, entry.kind, entry.name, value, mask)


def _mask(path: paths.PathLike, entry: Entry, packed: np.ndarray) -> np.ndarray:
    """The mask of which a file has eight entries in a byte."""
    if packed.dtype != np.uint8 or packed.shape != (-(-entry.size // 8),):
        raise LotteryError(
            f"ticket {path}: weight {entry.path}: its mask has not the shape "
            f"{entry.shape}."
        )
    return np.unpackbits(packed, count=entry.size).view(bool).reshape(entry.shape)


def _with_frozen(
    path: paths.PathLike, weight: TicketWeight, found: np.ndarray
) -> TicketWeight:
    """A weight with the values that its pruned entries are frozen at."""
    assert weight.mask is not None
    number = weight.mask.size - int(np.count_nonzero(weight.mask))
    if found.shape != (number,) or found.dtype != weight.value.dtype:
        raise LotteryError(
            f"ticket {path}: {FROZEN} has {found.dtype} of shape {found.shape} for the "
            f"{number} pruned entries of {weight.path}; copy the ticket again."
        )
    if not _is_finite(found):
        raise LotteryError(
            f"ticket {path}: a frozen value of {weight.path} is NaN or infinite: no "
            "network can start from it; find the ticket anew."
        )
    return dataclasses.replace(weight, frozen=packing.scattered(found, ~weight.mask))


def _is_finite(value: np.ndarray) -> bool:
    """Whether there is neither NaN nor infinity in an array."""
    own = value.dtype.type.__module__ == "ml_dtypes"
    if value.dtype.kind not in "fc" and not own:
        return True
    # A sum is finite only if all entries are, and takes no memory; one that overflows
    # says nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        if not own and np.isfinite(np.sum(value)):
            return True
        try:
            return bool(np.all(np.isfinite(value)))
        except TypeError:
            return True  # int4 and its like
