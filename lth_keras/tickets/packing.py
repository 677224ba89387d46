"""Of a pruned weight only what its mask keeps: arrays as vectors, and back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lth_keras.pruning.masks import has_strays
from lth_keras.storage.arrays import Packed
from lth_keras.tickets.content import TicketContent

# Entries looked at in one go: no list of the places of a whole array is made.
_CHUNK = 1 << 16


def _pieces(mask: np.ndarray) -> Iterator[tuple[slice, np.ndarray, slice]]:
    """Pieces of a flat mask: where, which places in it are kept, and where these go."""
    begin = 0
    for start in range(0, mask.size, _CHUNK):
        piece = slice(start, start + _CHUNK)
        places = np.flatnonzero(mask[piece])
        yield piece, places, slice(begin, begin + places.size)
        begin += places.size


def kept(value: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What a mask keeps, as a vector."""
    flat, count = value.reshape(-1), int(np.count_nonzero(mask))
    if count == mask.size:
        return flat
    found = np.empty(count, value.dtype)
    for piece, places, into in _pieces(mask.reshape(-1)):
        found[into] = flat[piece][places]
    return found


def scattered(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The array of which a mask keeps these, +0.0 elsewhere."""
    if values.size == mask.size:
        return values.reshape(mask.shape)
    dense = np.zeros(mask.size, values.dtype)
    for piece, places, of in _pieces(mask.reshape(-1)):
        dense[piece][places] = values[of]
    return dense.reshape(mask.shape)


def made_kept(value: np.ndarray, mask: np.ndarray) -> Packed:
    """`kept`, when it is written."""
    return Packed(lambda: kept(value, mask), value.dtype, value.nbytes)


def made_packed(value: np.ndarray, mask: np.ndarray) -> Packed:
    """`packed`, when it is written."""
    return Packed(lambda: packed(value, mask), value.dtype, value.nbytes)


def packed(value: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What a mask keeps, as a vector; all of an array that is not +0.0 elsewhere."""
    # Bits are compared, since -0.0 is no zero here.
    shape = mask.size, value.dtype.itemsize
    bits = np.ascontiguousarray(value).view(np.uint8).reshape(shape)
    if bits.shape[1] in (2, 4, 8):
        bits = bits.view(f"u{bits.shape[1]}")
    each = mask.reshape(-1, 1)
    stray = has_strays(bits, np.broadcast_to(each, bits.shape))
    return value if stray else kept(value, mask)


def frozen(names: list[str], ticket: TicketContent) -> dict[str, np.ndarray]:
    """Of each frozen weight the values where its mask prunes, as a vector."""
    return {
        name: kept(w.frozen, ~w.mask)
        for name, w in zip(names, ticket.weights, strict=True)
        if w.frozen is not None and w.mask is not None
    }
