"""Blocks: so many inputs by so many outputs, as hardware multiplies them."""

from __future__ import annotations

import math

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning.granularities.registry import register
from lth_keras.pruning.granularities.unit import Granularity, Tensor


@register("block", r"block:(\d{1,6})x(\d{1,6})", example="block:4x4")
class Block(Granularity):
    """Blocks of R x C entries of the kernel as a matrix [all else, outputs].

    The last axis counts columns; a convolution's rows are its inputs at each place of
    the kernel. A block is worth the sum of its scores. Where R or C does not divide
    the matrix, the blocks at its end are cut off and count for what they have; tfmot,
    which prunes blocks of matrices alone, takes means there and places them otherwise.

    Args:
        rows: R, at least 1, as text.
        columns: C, likewise.
    """

    def __init__(self, rows: str, columns: str):
        self.rows, self.columns = int(rows), int(columns)
        if not (self.rows and self.columns):
            raise LotteryError(
                f"granularity='block:{rows}x{columns}': a block has at least one row "
                "and one column, as in block:4x4."
            )

    def check(self, tensor: Tensor) -> None:
        """Refuses a vector, which is no matrix."""
        if len(tensor.shape) < 2:
            raise LotteryError(
                f"granularity='block:{self.rows}x{self.columns}': {tensor.path} of "
                f"shape {tensor.shape} is no matrix: leave its layer out (exclude=)."
            )

    def pool(self, tensor: Tensor, scores: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The sum of each block's scores, pruned weights as 0."""
        held = np.where(mask, scores, 0)
        return np.asarray(self._blocks(held).sum(axis=(1, 3), dtype=np.float64))

    def units(self, tensor: Tensor, mask: np.ndarray) -> np.ndarray:
        """Whether a block has any weight left."""
        return np.asarray(self._blocks(mask).any(axis=(1, 3)))

    def spread(self, tensor: Tensor, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The whole blocks."""
        high, wide = math.prod(mask.shape[:-1]), mask.shape[-1]
        full = kept.repeat(self.rows, axis=0)[:high].repeat(self.columns, axis=1)
        return np.asarray(full[:, :wide].reshape(mask.shape))

    def _blocks(self, values: np.ndarray) -> np.ndarray:
        """The matrix as [block rows, R, block columns, C], with zeros at its end."""
        flat = values.reshape(-1, values.shape[-1])
        high, wide = flat.shape
        rows, columns = -(-high // self.rows), -(-wide // self.columns)
        end = (0, rows * self.rows - high), (0, columns * self.columns - wide)
        padded = np.pad(flat, end) if end[0][1] or end[1][1] else flat
        return padded.reshape(rows, self.rows, columns, self.columns)
