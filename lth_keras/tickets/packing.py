"""Of a pruned weight only what its mask keeps: arrays as vectors, and back."""

from __future__ import annotations

import numpy as np

from lth_keras.tickets.content import TicketContent

# The share of kept entries beyond which NumPy is faster by the mask than by places.
_MOST = 0.75


def kept(value: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What a mask keeps, as a vector."""
    count = int(np.count_nonzero(mask))
    if count == mask.size:
        return value.reshape(-1)
    if count > _MOST * mask.size:
        return value[mask]
    return value.reshape(-1)[np.flatnonzero(mask)]


def scattered(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The array of which a mask keeps these, +0.0 elsewhere."""
    if values.size == mask.size:
        return values.reshape(mask.shape)
    dense = np.zeros(mask.shape, values.dtype)
    if values.size > _MOST * mask.size:
        dense[mask] = values
    else:
        dense.reshape(-1)[np.flatnonzero(mask)] = values
    return dense


def packed(value: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What a mask keeps, as a vector; all of an array that is not +0.0 elsewhere."""
    found = kept(value, mask)
    # Bytes are counted, since -0.0 is no zero here; no list of what is pruned is made.
    same = found.size < value.size and _written(found) == _written(value)
    return found if same else value


def _written(value: np.ndarray) -> int:
    """The number of bytes that are not 0."""
    return int(np.count_nonzero(np.ascontiguousarray(value).view(np.uint8)))


def frozen(names: list[str], ticket: TicketContent) -> dict[str, np.ndarray]:
    """Of each frozen weight the values where its mask prunes, as a vector."""
    return {
        name: kept(w.frozen, ~w.mask)
        for name, w in zip(names, ticket.weights, strict=True)
        if w.frozen is not None and w.mask is not None
    }
