"""Scores that are computed where they are looked at, a piece at a time.

Of criteria that score each entry by itself: nobody holds an array of all scores then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Pieces:
    """The scores of one weight tensor, which are computed anew each time.

    Args:
        score: f(entries of each array) -> their scores, of any number of entries.
        read: f() -> what is scored, arrays of one shape. It is called whenever one
            begins to look, so that nothing is held in between.

    Attributes:
        shape: of the tensor.
        size: entries of it.
        dtype: of the scores.
    """

    def __init__(
        self,
        score: Callable[..., Any],
        read: Callable[[], Sequence[np.ndarray]],
    ):
        self._score, self._read = score, read
        arrays = read()
        self.shape: tuple[int, ...] = np.shape(arrays[0])
        self.size = int(np.prod(self.shape))
        self.dtype = Flat(score, arrays)[:0].dtype

    def flat(self) -> Flat:
        """The scores as a vector, of which slices can be taken."""
        return Flat(self._score, self._read())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy  # It is one in any case.
        return np.asarray(self.flat()[:], dtype).reshape(self.shape)


class Flat:
    """A vector of scores, of which slices are computed.

    Args:
        score: as of `Pieces`.
        arrays: what is scored.
    """

    def __init__(self, score: Callable[..., Any], arrays: Sequence[np.ndarray]):
        self._score = score
        self._arrays = [np.asarray(array).reshape(-1) for array in arrays]

    def __getitem__(self, where: slice) -> np.ndarray:
        found: np.ndarray = self._score(*(array[where] for array in self._arrays))
        return found
