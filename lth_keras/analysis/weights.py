"""How far did training move the weights, and did it keep their signs?

print(lth.analysis.distances(search, 7))      # from what the run started from
print(lth.analysis.signs(search, 7))          # trained against initial
print(lth.analysis.signs(search, 7, 8))       # of two trained runs
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from lth_keras.analysis import networks
from lth_keras.analysis.tables import ByWeight
from lth_keras.arguments import instance
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import values_of

Row = TypeVar("Row")


@dataclasses.dataclass(frozen=True)
class Signs:
    """Of one weight tensor, or of all together.

    Attributes:
        kept: weights that are compared: those that both masks keep.
        same: those of them with one sign.
    """

    kept: int
    same: int

    @property
    def share(self) -> float:
        """Share with the same sign, in [0, 1]; one half by chance."""
        return self.same / self.kept if self.kept else 1.0


@dataclasses.dataclass(frozen=True)
class Distance:
    """Of one weight tensor, or of all together.

    Attributes:
        moved: L2 norm of trained minus initial, over the kept weights.
        initial: L2 norm of the kept weights' initial values.
        trained: L2 norm of the kept weights as they ended.
    """

    moved: float
    initial: float
    trained: float

    @property
    def relative(self) -> float:
        """`moved` over `initial`; infinite from a start of zeros."""
        return self.moved / self.initial if self.initial else float("inf")


def signs(
    search: LotterySearch, a: networks.Run, b: networks.Run | None = None
) -> ByWeight[Signs]:
    """The share of weights with the same sign, of those that both masks keep.

    Args:
        search: with its model.
        a: a trained run, as of `path`.
        b: another; without one, theta_0 of the search, by which "signs are what
            counts" is judged (1905.01067, section 4).

    Raises:
        LotteryError: a run is not finished, or of another network.
    """
    instance("search", search, LotterySearch, "an lth.LotterySearch")
    first = networks.trained(search, a, "a")
    if b is None:
        values, ticket = values_of(search.initial), first.ticket
    else:
        second = networks.trained(search, b, "b")
        values, ticket = second.values, second.ticket

    def compare(mine: np.ndarray, other: np.ndarray) -> Signs:
        return Signs(mine.size, int(np.count_nonzero(np.sign(mine) == np.sign(other))))

    both = [
        mask & other
        for (_, mask), (_, other) in zip(
            first.ticket.pruned(), ticket.pruned(), strict=True
        )
    ]
    found = dict(_by_weight(first, values, both, compare))
    parts = found.values()
    total = Signs(sum(each.kept for each in parts), sum(each.same for each in parts))
    return ByWeight(found, total, ("kept", "same", "share"))


def distances(search: LotterySearch, run: networks.Run) -> ByWeight[Distance]:
    """How far training moved the kept weights from theta_0, in L2.

    Args:
        search: with its model.
        run: a trained run, as of `path`.

    Returns:
        By weight: `moved`, `initial`, `trained`, and `relative`, moved over initial.
        A control that draws weights of its own is compared with theta_0 all the same.

    Raises:
        LotteryError: the run is not finished, or of another network.
    """
    instance("search", search, LotterySearch, "an lth.LotterySearch")
    ended = networks.trained(search, run, "run")

    def measure(trained: np.ndarray, initial: np.ndarray) -> Distance:
        now, then = trained.astype(np.float64), initial.astype(np.float64)
        norm = np.linalg.norm
        return Distance(float(norm(now - then)), float(norm(then)), float(norm(now)))

    kept = [mask for _, mask in ended.ticket.pruned()]
    found = dict(_by_weight(ended, values_of(search.initial), kept, measure))
    total = Distance(
        *(
            float(np.linalg.norm([getattr(each, name) for each in found.values()]))
            for name in ("moved", "initial", "trained")
        )
    )
    return ByWeight(found, total, ("moved", "initial", "trained", "relative"))


def _by_weight(
    run: networks.Trained,
    values: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    compare: Callable[[np.ndarray, np.ndarray], Row],
) -> Iterator[tuple[str, Row]]:
    """What `compare` says of the masked entries of each prunable weight."""
    chosen: Any = iter(masks)
    for weight, mine, other in zip(run.ticket.weights, run.values, values, strict=True):
        if weight.mask is not None:
            mask = next(chosen)
            yield weight.path, compare(mine[mask], other[mask])
