"""A ticket as one safetensors file, and back.

Each weight is a tensor of its own name with exact zeros where it is pruned, so that
any reader of the format has the network; masks are tensors beside them.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.tickets import entries
from lth_keras.tickets.content import TicketContent, TicketWeight
from lth_keras.tickets.manifest import Manifest
from lth_keras.tickets.ticket import Ticket

NAME = "ticket.safetensors"
_MASK, _FROZEN = "mask/", "frozen/"


def write(path: str, ticket: TicketContent) -> None:
    """Writes weights and masks; the optimizer's state stays behind.

    Raises:
        LotteryError: a weight is of a dtype that the format does not have.
    """
    from safetensors import numpy as safetensors

    tensors: dict[str, np.ndarray] = {}
    for number, weight in enumerate(ticket.weights):
        name = f"{number:04d}/{weight.path}"
        tensors[name] = np.ascontiguousarray(weight.value)
        if weight.mask is not None:
            tensors[_MASK + name] = np.ascontiguousarray(weight.mask)
        if weight.frozen is not None:
            tensors[_FROZEN + name] = np.ascontiguousarray(weight.frozen)
    try:
        safetensors.save_file(tensors, path, {"format": "np"})
    except Exception as error:  # Of its own in Rust.
        reason = (str(error).splitlines() or [""])[0][:200]
        raise LotteryError(
            f"the ticket cannot be written as safetensors: {reason}"
        ) from None


def read(path: str, manifest: Manifest) -> Ticket:
    """The ticket of a manifest, with every name, shape, dtype and number checked.

    Raises:
        LotteryError: the file is no safetensors, or not of the manifest.
    """
    found = _tensors(path, manifest)
    weights = []
    for name, entry in zip(manifest.names, manifest.entries, strict=True):
        value = _taken(found, name, entry.shape, entries.dtype_of(entry.dtype))
        mask = frozen = None
        if entry.masked:
            mask = _taken(found, _MASK + name, entry.shape, np.dtype(bool))
            if np.any(value[~mask]):
                raise LotteryError(f"{name} has weights that its mask prunes")
            if _FROZEN + name in found:
                frozen = _taken(found, _FROZEN + name, entry.shape, value.dtype)
        given = [value] if frozen is None else [value, frozen]
        if not np.all(np.isfinite(np.asarray(given, np.float64))):
            raise LotteryError(f"{name} is NaN or infinite: nothing can start from it")
        weights.append(
            TicketWeight(entry.layer, entry.kind, entry.name, value, mask, frozen)
        )
    if found:
        raise LotteryError(f"{NAME} has {next(iter(found))!r}, the manifest has not")
    ticket = Ticket(
        weights=tuple(weights),
        level=manifest.level,
        step=manifest.step,
        seed=manifest.seed,
        settings=manifest.settings,
        parent=manifest.parent,
    )
    if ticket.fingerprint != manifest.fingerprint:
        raise LotteryError(f"{NAME} does not hold the weights of its manifest")
    return ticket


def _tensors(path: str, manifest: Manifest) -> dict[str, Any]:
    from safetensors import numpy as safetensors

    # Values, masks and frozen values; and heads of names.
    most = sum(3 * entry.bytes + entry.size + 20_000 for entry in manifest.entries)
    if os.path.getsize(path) > most + (1 << 20):
        raise LotteryError(f"{NAME} is larger than the weights of its manifest")
    try:
        return dict(safetensors.load_file(path))
    except Exception as error:  # Of its own in Rust.
        reason = (str(error).splitlines() or [""])[0][:200]
        raise LotteryError(f"{NAME} cannot be read: {reason}") from None


def _taken(
    found: dict[str, Any], name: str, shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:
    if name not in found:
        raise LotteryError(f"{NAME} has no {name!r}")
    value = np.asarray(found.pop(name))
    if value.shape != shape or value.dtype != dtype:
        raise LotteryError(
            f"{name} is {value.dtype} of shape {value.shape}; the manifest says "
            f"{dtype} of {shape}"
        )
    return value
