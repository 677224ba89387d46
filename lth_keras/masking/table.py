"""The table of a model's weights: which are pruned, and why the rest are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class WeightCoverage:
    """One weight of a model.

    Attributes:
        layer: name of the layer, with the names of the models around it.
        weight: name of the weight in its layer.
        shape: its shape.
        pruned: whether it is held on a mask.
        reason: why not, or "" where it is.
        density: share of its entries that the mask keeps; 1.0 without a mask. A bias,
            or what a batch normalisation has for it, goes with its filter.
        effective: share of its entries that lie on a path from input to output; 1.0
            without a mask.
        frozen: how many of the pruned entries are frozen at a value, not at zero.
    """

    layer: str
    weight: str
    shape: tuple[int, ...]
    pruned: bool
    reason: str
    density: float
    effective: float = 1.0
    frozen: int = 0


class Coverage(list[WeightCoverage]):
    """The weights of a model in order; `str()` of it is a table."""

    @property
    def density(self) -> float:
        """P_m over the pruned weights, 1.0 where there are none."""
        return self._mean(lambda row: row.density)

    @property
    def effective_density(self) -> float:
        """The share of the pruned weights on a path from input to output."""
        return self._mean(lambda row: row.effective)

    def _mean(self, share: Callable[[WeightCoverage], float]) -> float:
        sizes = [(int(np.prod(row.shape)), share(row)) for row in self if row.pruned]
        total = sum(size for size, _ in sizes)
        return sum(size * part for size, part in sizes) / total if total else 1.0

    def __str__(self) -> str:
        head = ("layer", "weight", "shape", "density", "pruned")
        body = [
            (
                row.layer,
                row.weight,
                " x ".join(map(str, row.shape)) or "scalar",
                f"{row.density:.4f}" if row.pruned else "",
                _said(row),
            )
            for row in self
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
            for line in (head, *body)
        ]
        if self.effective_density != self.density:
            on_path = f"{self.effective_density:.4f}"
            lines.append(f"of these on a path from input to output: {on_path}")
        lines.append(f"density of the prunable weights: {self.density:.4f}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        # Short: in a notebook the table has just been printed.
        pruned = sum(row.pruned for row in self)
        return f"<{len(self)} weights, {pruned} pruned, density {self.density:.4f}>"


def _said(row: WeightCoverage) -> str:
    if not row.pruned:
        return f"no: {row.reason}"
    return f"yes, {row.frozen:,} of the pruned frozen" if row.frozen else "yes"
