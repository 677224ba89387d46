"""Which score is the lowest that is kept? Found exactly, without a copy of the scores.

A sorted sample tells between which two scores it lies. One pass over all counts what is
above them and gathers what is between, about one score in fifty, which alone is sorted
out. What the sample says is never trusted, only counted: where the bracket turns out
wrong, or holds too many ties, all scores are partitioned.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lth_keras.pruning.pieces import Pieces

# Scores looked at in one go: they and their booleans stay in a core's own cache.
CHUNK = 1 << 17
# Fewer than these are partitioned as they are.
_FEW = 1 << 18
_SAMPLE = 1 << 16
# Places in the sample on either side, six standard deviations of a rank in the middle.
_MARGIN = 768


class Part(NamedTuple):
    """Scores that are ranked with those of other parts.

    Attributes:
        scores: flat, or what computes them.
        mask: flat booleans, which of them are ranked; None for all.
        dtype: which all parts are ranked in, one that NumPy compares.
    """

    scores: np.ndarray | Pieces
    mask: np.ndarray | None
    dtype: np.dtype

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Scores and mask in pieces of `CHUNK`, of which nothing is to be kept."""
        flat, mask = self._flat(), self.mask
        for begin in range(0, self.scores.size, CHUNK):
            piece = slice(begin, begin + CHUNK)
            scores = flat[piece].astype(self.dtype, copy=False)
            yield scores, None if mask is None else mask[piece]

    def every(self, step: int) -> np.ndarray:
        """Of every so many entries the score, where it is ranked."""
        some = self._flat()[::step].astype(self.dtype, copy=False)
        return some if self.mask is None else some[self.mask[::step]]

    def _flat(self) -> Any:
        return self.scores.flat() if isinstance(self.scores, Pieces) else self.scores


class NotANumberError(ValueError):
    """A score that has to be ranked is not a number."""


def lowest_kept(parts: Sequence[Part], ranked: int, keep: int) -> tuple[Any, int]:
    """The `keep`-th largest score, and how many are kept of those that equal it.

    Args:
        parts: the scores, which are ranked as one.
        ranked: how many scores the masks leave.
        keep: how many of them are kept, 0 < keep < ranked.

    Raises:
        NotANumberError: one of those that are ranked is.
    """
    found = _by_sample(parts, ranked, keep) if ranked > _FEW else None
    if found is None:
        ranked_alone = [_ranked(*chunk) for part in parts for chunk in part.chunks()]
        found = _by_partition(np.concatenate(ranked_alone), keep)
    return found


def _ranked(scores: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    return scores if mask is None else scores[mask]


def _by_partition(scores: np.ndarray, keep: int) -> tuple[Any, int]:
    place = scores.size - keep
    highest = np.partition(scores, place)[place:]
    # NaN sorts as the largest and max() hands it on, so that these show any.
    if np.isnan(highest.max()):
        raise NotANumberError
    return highest[0], keep - int(np.count_nonzero(highest > highest[0]))


def _by_sample(parts: Sequence[Part], ranked: int, keep: int) -> tuple[Any, int] | None:
    """As `lowest_kept`; None where the sample has misled, or ties are many."""
    sample = np.sort(_sample(parts, ranked))
    place = sample.size - round(sample.size * (keep / ranked))
    if place - _MARGIN < 0 or place + _MARGIN >= sample.size:
        return None  # So few are kept, pruned or seen that it shows no bracket.
    if np.isnan(sample[-1]):
        raise NotANumberError
    low, high = sample[place - _MARGIN], sample[place + _MARGIN]
    above, between, gathered = 0, 0, []
    for scores, mask in itertools.chain.from_iterable(p.chunks() for p in parts):
        above += _count(scores > high, mask)
        where = scores >= low
        where &= scores <= high
        number = _count(where, mask)
        between += number
        if low < high and number:
            gathered.append(scores[np.flatnonzero(where)])
        if low < high and between > ranked // 8:
            return None
        if np.isnan(scores.max()) and np.isnan(_ranked(scores, mask)).any():
            raise NotANumberError
    left = keep - above
    if not 0 < left <= between:
        return None
    if not gathered:
        return low, left
    return _by_partition(np.concatenate(gathered), left)


def _sample(parts: Sequence[Part], ranked: int) -> np.ndarray:
    step = ranked // _SAMPLE
    # Not every so many columns of one matrix over and over.
    while not all(step % prime for prime in (2, 3, 5, 7)):
        step += 1
    return np.concatenate([part.every(step) for part in parts])


def _count(where: np.ndarray, mask: np.ndarray | None) -> int:
    """How many are true of those that are ranked; the others become false."""
    if mask is not None:
        where &= mask
    return int(np.count_nonzero(where))
