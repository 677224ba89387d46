"""What masks have in common, and what of them lies on a path.

print(lth.analysis.overlap(search.ticket(7), other.ticket(7)))
print(lth.analysis.effective_density(search, 7))
"""

from __future__ import annotations

import dataclasses

import numpy as np

from lth_keras.analysis.tables import ByWeight
from lth_keras.arguments import MOST_LEVELS, count, instance
from lth_keras.errors import LotteryError
from lth_keras.masking import paths
from lth_keras.runs import overlaps
from lth_keras.runs.overlaps import Overlap
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.ticket import Ticket


def overlap(first: Ticket, second: Ticket) -> ByWeight[Overlap]:
    """How far two tickets keep the same weights, and how far chance would do it.

    Args:
        first: a ticket, of a level or a control, of this search or another.
        second: one of the same architecture; layers go by their order.

    Returns:
        By weight: `share`, of the first one's kept weights those that the second keeps
        too; `chance`, the same of random masks that keep as many of each tensor;
        `jaccard`; and the counts.

    Raises:
        LotteryError: they are no tickets, or of two architectures.
    """
    instance("first", first, Ticket, "an lth.Ticket")
    instance("second", second, Ticket, "an lth.Ticket")
    mine, theirs = list(first.pruned()), list(second.pruned())
    if not mine or [m.shape for _, m in mine] != [m.shape for _, m in theirs]:
        raise LotteryError(
            "the tickets are not of one architecture: their prunable weights have "
            f"shapes {[m.shape for _, m in mine]} and {[m.shape for _, m in theirs]}."
        )
    found = {
        weight.path: overlaps.of_masks(mask, other)
        for (weight, mask), (_, other) in zip(mine, theirs, strict=True)
    }
    columns = "kept", "other", "both", "share", "chance", "jaccard"
    return ByWeight(found, overlaps.total(list(found.values())), columns)


@dataclasses.dataclass(frozen=True)
class Paths:
    """Of one weight tensor, or of all together.

    Attributes:
        size: weights there are.
        kept: weights that the mask keeps.
        on_paths: those of them that lie on a path from input to output.
    """

    size: int
    kept: int
    on_paths: int

    @property
    def density(self) -> float:
        """P_m."""
        return self.kept / self.size

    @property
    def effective(self) -> float:
        """The effective density: connected weights over all."""
        return self.on_paths / self.size


def effective_density(search: LotterySearch, level: int) -> ByWeight[Paths]:
    """Which of the weights that a ticket keeps lie on a path from input to output.

    Args:
        search: with its model.
        level: of the ticket.

    Returns:
        By weight: `density`, `effective`, and the counts; see `masking.paths`.

    Raises:
        LotteryError: that level has not been reached, or the search has no model, or
            one of Keras 3 that is no graph of layers.
    """
    instance("search", search, LotterySearch, "an lth.LotterySearch")
    level = count("level", level, 0, "a level of the search", MOST_LEVELS)
    pruned = list(search.ticket(level).pruned())
    network = search.network
    connected = paths.effective(network, [mask for _, mask in pruned])
    if connected is None:
        raise LotteryError(
            f"{type(network.model).__name__} is a Keras 3 model that is no graph of "
            "layers, and where its layers lead nobody knows: build it as a Sequential "
            "or Functional model."
        )
    found = {
        weight.path: Paths(mask.size, _sum(mask), _sum(reached))
        for (weight, mask), reached in zip(pruned, connected, strict=True)
    }
    parts = found.values()
    total = Paths(
        sum(each.size for each in parts),
        sum(each.kept for each in parts),
        sum(each.on_paths for each in parts),
    )
    return ByWeight(found, total, ("kept", "on_paths", "density", "effective"))


def _sum(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))
