"""The units that a granularity makes of weight tensors: counted, scored, spread.

What a granularity returns is checked here, since it may be anybody's; of single
weights, which most models are pruned by, nothing is copied.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.pruning import granularities
from lth_keras.pruning.granularities import Granularity, Tensor
from lth_keras.pruning.pieces import Pieces

Arrays = Sequence[np.ndarray]


class Units:
    """A granularity, and the tensors that it is of.

    Args:
        text: what `wrap(granularity=...)` was given.
        tensors: the prunable weight tensors.

    Attributes:
        rule: the granularity itself, looked up anew: a name may be registered again.
        text: what was given.
        single: whether a unit is a single weight.
        tensors: the prunable weight tensors.

    Raises:
        LotteryError: no such granularity.
    """

    def __init__(self, text: str, tensors: Sequence[Tensor]):
        self.rule = granularities.get(text)
        self.text, self.tensors = text, tensors
        self.single = type(self.rule) is Granularity

    def of(self, masks: Arrays) -> list[np.ndarray]:
        """A boolean per unit of each tensor: whether its mask keeps any of it.

        Raises:
            LotteryError: the granularity returned something else.
        """
        return [self.of_one(t, m) for t, m in zip(self.tensors, masks, strict=True)]

    def of_one(self, tensor: Tensor, mask: np.ndarray) -> np.ndarray:
        found = np.asarray(self.rule.units(tensor, mask))
        if found.dtype.kind != "b":
            raise self._wrong(tensor, "units", f"{found.dtype}", "booleans, one a unit")
        return found

    def pool_one(
        self,
        index: int,
        scores: np.ndarray | Pieces,
        mask: np.ndarray,
        units: np.ndarray,
    ) -> np.ndarray | Pieces:
        """The scores of the units of a tensor.

        Args:
            index: position of the tensor.
            scores: of its weights, in its shape, or what computes them; of single
                weights it is what is returned.
            mask: the present mask.
            units: what `of_one` returned for it.

        Raises:
            LotteryError: the granularity returned no score per unit.
        """
        if self.single and isinstance(scores, Pieces):
            return scores
        tensor = self.tensors[index]
        pooled = np.asarray(self.rule.pool(tensor, np.asarray(scores), mask))
        if pooled.shape != units.shape:
            shapes = f"shape {pooled.shape}", f"one score a unit, {units.shape}"
            raise self._wrong(tensor, "pool", *shapes)
        return pooled

    def spread_one(
        self, tensor: Tensor, kept: np.ndarray, mask: np.ndarray
    ) -> np.ndarray:
        """The mask that keeps these units, and nothing that `mask` does not keep.

        Raises:
            LotteryError: the granularity returned other units, or another shape.
        """
        if self.single:
            return kept
        where = np.asarray(self.rule.spread(tensor, kept, mask), bool)
        try:
            new = np.broadcast_to(where, mask.shape) & mask
        except ValueError:
            shapes = f"shape {where.shape}", f"what broadcasts to {mask.shape}"
            raise self._wrong(tensor, "spread", *shapes) from None
        if not np.array_equal(self.of_one(tensor, new), kept):
            raise self._wrong(tensor, "spread", "other units", "those that are kept")
        return new

    @property
    def bundles(self) -> list[list[int]]:
        """Positions of the tensors whose units are kept together, mostly one each."""
        found: dict[str | int, list[int]] = {}
        for index, tensor in enumerate(self.tensors):
            found.setdefault(tensor.tied or index, []).append(index)
        return list(found.values())

    def joined(
        self,
        bundle: Sequence[int],
        units: Arrays | Mapping[int, np.ndarray],
        pooled: Any,
    ) -> list[Any]:
        """The units of a bundle as one: whether there is any of each, and its score.

        Raises:
            LotteryError: the tensors have other numbers of units.
        """
        first, *others = bundle
        alive, score = units[first], pooled[first]
        for index in others:
            if units[index].size != alive.size:
                one, other = self.tensors[first], self.tensors[index]
                raise LotteryError(
                    f"granularity={self.text!r}: {one.path} and {other.path} are "
                    f"pruned together and have {alive.size} and {units[index].size} "
                    "units: wrap with where='each'."
                )
            # In the shape of the first: of filters, a row of numbers in any case.
            alive = alive | units[index].reshape(alive.shape)
            score = score + pooled[index].reshape(alive.shape)
        return [alive, score]

    def number(
        self, bundles: Sequence[Sequence[int]], units: Arrays, rate: float
    ) -> int:
        """How many units a round keeps, of bundles that are ranked together.

        At rate 0 a tensor is left as it is, whatever the granularity would keep.

        Args:
            bundles: the bundles.
            units: a boolean per unit of each of them.
            rate: share to prune.

        Raises:
            LotteryError: the granularity returned no such number.
        """
        surviving = sum(int(np.count_nonzero(unit)) for unit in units)
        if rate == 0:
            return surviving
        tensors = self.tensors
        own = [
            self.rule.keep_of(tensors[bundle[0]], unit)
            for bundle, unit in zip(bundles, units, strict=True)
        ]
        if None not in own:
            return sum(number for number in own if number is not None)
        return self.keep(surviving, sum(unit.size for unit in units), rate)

    def keep(self, surviving: int, size: int, rate: float) -> int:
        """How many units a round keeps by their number alone; see `Granularity.keep`.

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
                f"granularity={self.text!r}: keep returned {number!r} of {surviving} "
                f"surviving units: return an integer from 0 to {surviving}."
            )
        return kept

    def _wrong(
        self, tensor: Tensor, method: str, what: str, wanted: str
    ) -> LotteryError:
        return LotteryError(
            f"granularity={self.text!r}: {method} returned {what} for {tensor.path} "
            f"of shape {tensor.shape}: return {wanted}."
        )


def named(tensors: Sequence[Tensor], masks: Arrays) -> Sequence[Tensor]:
    """The tensors, or some that are known by their shapes alone."""
    numbered = enumerate(masks)
    return tensors or [Tensor(f"weight {n}", "", np.shape(m)) for n, m in numbered]
