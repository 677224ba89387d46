"""The units that a granularity makes of weight tensors: counted, scored, spread.

What a granularity returns is checked here, since it may be anybody's; of single
weights, which most models are pruned by, nothing is copied.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning import granularity
from lth_keras.pruning.granularity import Granularity, Tensor

Arrays = Sequence[np.ndarray]


class Group(NamedTuple):
    """Units that are ranked together.

    Attributes:
        name: path of the weight tensor, or "the model".
        units: how many there are.
        weights: how many weights they have in all.
        rate: share of the surviving units pruned per round.
        even: whether all units have as many weights.
    """

    name: str
    units: int
    weights: int
    rate: float
    even: bool = True


class Units:
    """A granularity, and the tensors that it is of.

    Args:
        text: what `wrap(granularity=...)` was given.
        tensors: the prunable weight tensors.

    Attributes:
        rule: the granularity itself, looked up anew: a name may be registered again.

    Raises:
        LotteryError: no such granularity.
    """

    def __init__(self, text: str, tensors: Sequence[Tensor]):
        self.rule = granularity.get(text)
        self._text, self._tensors = text, tensors
        self._single = type(self.rule) is Granularity

    def of(self, masks: Arrays) -> list[np.ndarray]:
        """A boolean per unit of each tensor: whether its mask keeps any of it.

        Raises:
            LotteryError: the granularity returned something else.
        """
        return [self._of(t, m) for t, m in zip(self._tensors, masks, strict=True)]

    def _of(self, tensor: Tensor, mask: np.ndarray) -> np.ndarray:
        found = np.asarray(self.rule.units(tensor, mask))
        if found.dtype.kind != "b":
            raise self._wrong(tensor, "units", f"{found.dtype}", "booleans, one a unit")
        return found

    def pool(self, scores: Arrays, masks: Arrays, units: Arrays) -> list[np.ndarray]:
        """The scores of the units of each tensor.

        Args:
            scores: of the weights, in the tensors' shapes.
            masks: the present masks.
            units: what `of` returned for them.

        Raises:
            LotteryError: the granularity returned no score per unit.
        """
        found = []
        for tensor, score, mask, unit in zip(
            self._tensors, scores, masks, units, strict=True
        ):
            pooled = np.asarray(self.rule.pool(tensor, np.asarray(score), mask))
            if pooled.shape != unit.shape:
                shapes = f"shape {pooled.shape}", f"one score a unit, {unit.shape}"
                raise self._wrong(tensor, "pool", *shapes)
            found.append(pooled)
        return found

    def spread(self, kept: Arrays, masks: Arrays) -> list[np.ndarray]:
        """The masks that keep these units, and nothing that `masks` do not keep.

        Raises:
            LotteryError: the granularity returned other units, or another shape.
        """
        if self._single:
            return list(kept)
        return [
            self._spread(*each) for each in zip(self._tensors, kept, masks, strict=True)
        ]

    def _spread(self, tensor: Tensor, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
        where = np.asarray(self.rule.spread(tensor, kept, mask), bool)
        try:
            new = np.broadcast_to(where, mask.shape) & mask
        except ValueError:
            shapes = f"shape {where.shape}", f"what broadcasts to {mask.shape}"
            raise self._wrong(tensor, "spread", *shapes) from None
        if not np.array_equal(self._of(tensor, new), kept):
            raise self._wrong(tensor, "spread", "other units", "those that are kept")
        return new

    def keep(self, surviving: int, size: int, rate: float) -> int:
        """How many units a round keeps; see `Granularity.keep`.

        At rate 0 a tensor is left as it is, whatever the granularity would keep.

        Raises:
            LotteryError: the granularity returned no such number.
        """
        if rate == 0:
            return surviving
        number = self.rule.keep(surviving, size, rate)
        try:
            kept = operator.index(number)
        except TypeError:
            kept = -1
        if not 0 <= kept <= surviving:
            raise LotteryError(
                f"granularity={self._text!r}: keep returned {number!r} of {surviving} "
                f"surviving units: return an integer from 0 to {surviving}."
            )
        return kept

    def first_empty(self, group: Group, levels: int) -> int | None:
        """The first of some levels at which a group has no unit left."""
        kept = group.units
        for level in range(1, levels + 1):
            before, kept = kept, self.keep(kept, group.units, group.rate)
            if kept == 0:
                return level
            if kept == before:
                break  # No further round prunes anything.
        return None

    def groups(self, scope: str, rates: Sequence[float]) -> list[Group]:
        """What is ranked together in a dense model; at rate 0 a tensor is by itself."""
        found = [self._group(*each) for each in zip(self._tensors, rates, strict=True)]
        rows = [row for row in found if row.rate]
        if scope == "layer" or not rows:
            return found
        units, weights = sum(r.units for r in rows), sum(r.weights for r in rows)
        even = all(r.even and r.weights * units == weights * r.units for r in rows)
        joined = Group("the model", units, weights, rows[0].rate, even)
        return [joined, *(row for row in found if not row.rate)]

    def _group(self, tensor: Tensor, rate: float) -> Group:
        weights = math.prod(tensor.shape)
        if self._single:
            return Group(tensor.path, weights, weights, rate)
        dense = np.ones(tensor.shape, bool)
        units = self._of(tensor, dense)
        even = True
        # Units are uneven where the last ones of an axis are cut off.
        for index in {0, units.size - 1} if units.size else ():
            one = np.zeros_like(units)
            one.flat[index] = True
            size = int(np.count_nonzero(self._spread(tensor, one, dense)))
            even = even and size * units.size == weights
        return Group(tensor.path, units.size, weights, rate, even)

    def _wrong(
        self, tensor: Tensor, method: str, what: str, wanted: str
    ) -> LotteryError:
        return LotteryError(
            f"granularity={self._text!r}: {method} returned {what} for {tensor.path} "
            f"of shape {tensor.shape}: return {wanted}."
        )


def named(tensors: Sequence[Tensor], masks: Arrays) -> Sequence[Tensor]:
    """The tensors, or some that are known by their shapes alone."""
    numbered = enumerate(masks)
    return tensors or [Tensor(f"weight {n}", "", np.shape(m)) for n, m in numbered]
