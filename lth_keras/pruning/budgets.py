"""How many weights each layer keeps of a whole network's density.

model = lth.wrap(model, rate=lth.budgets.erk(0.05))              # in one round
model = lth.wrap(model, rate=lth.budgets.erk(0.05, rounds=10))   # in ten
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from lth_keras import arguments
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import round_rates
from lth_keras.pruning.counts import RoundRate, check_density
from lth_keras.pruning.round_rates import MOST_ROUNDS

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Budget:
    """A density of the network, and how it is shared out among the layers.

    Attributes:
        density: share of the prunable weights that is kept after the last round.
        share: f(shape of a kernel) -> how many weights it keeps in proportion to
            others; a layer that would keep more than it has keeps all.
        rounds: pruning rounds, in each of which a layer loses the same share.
    """

    density: float
    share: Callable[[Shape], float]
    rounds: int = 1

    def __post_init__(self) -> None:
        number = arguments.number(self.density)
        if not 0.0 < number <= 1.0:
            raise LotteryError(
                f"density={shown(self.density)} is no density: give the share of the "
                "prunable weights to keep, above 0 and at most 1, such as 0.05."
            )
        arguments.function("share", self.share, "f(shape) -> a number", [(1,)])
        rounds = arguments.count(
            "rounds", self.rounds, 1, "a number of rounds", MOST_ROUNDS
        )
        object.__setattr__(self, "density", check_density(number))
        object.__setattr__(self, "rounds", rounds)

    def kept(self, layers: Sequence[Sequence[Shape]]) -> list[int]:
        """How many weights each layer keeps; together `round(density * all)`.

        Args:
            layers: of each layer the shapes of its prunable weights.

        Raises:
            LotteryError: that is less than a weight for each.
        """
        sizes = [sum(map(math.prod, shapes)) for shapes in layers]
        shares = [sum(map(self.share, shapes)) for shapes in layers]
        total = round(self.density * sum(sizes))
        if total < len(sizes):
            raise LotteryError(
                f"density={self.density!r} keeps {total} weights of {sum(sizes)}, and "
                f"there are {len(sizes)} layers: give a higher one."
            )
        return _shared_out(total, sizes, shares)

    def rates(self, layers: Sequence[Sequence[Shape]]) -> list[RoundRate]:
        """The rates of each layer, one a round, by which it keeps `kept`.

        Of a layer of several kernels each keeps the layer's share, rounded.
        """
        return [
            round_rates.of_counts(round_rates.geometric(size, kept, self.rounds))
            for size, kept in zip(
                (sum(map(math.prod, shapes)) for shapes in layers),
                self.kept(layers),
                strict=True,
            )
        ]


def uniform(density: float, rounds: int = 1) -> Budget:
    """Every layer keeps the same share of its weights.

    Args:
        density: share of all prunable weights that is kept, in (0, 1].
        rounds: pruning rounds to get there.
    """
    return Budget(density, math.prod, rounds)


def erk(density: float, rounds: int = 1) -> Budget:
    """Erdos-Renyi-kernel: the density of a layer falls with its size (1911.11134).

    A kernel of h x w x n inputs x m outputs keeps in proportion to h + w + n + m, and a
    dense one to n + m. Layers that would keep more than they have stay whole, and the
    others share out the rest.

    Args:
        density: share of all prunable weights that is kept, in (0, 1].
        rounds: pruning rounds to get there.
    """
    return Budget(density, sum, rounds)


def erdos_renyi(density: float, rounds: int = 1) -> Budget:
    """As `erk`, without the kernel's own size (1707.04780): n + m for each place.

    Args:
        density: share of all prunable weights that is kept, in (0, 1].
        rounds: pruning rounds to get there.
    """
    return Budget(density, _by_ends, rounds)


def _by_ends(shape: Shape) -> float:
    return sum(shape[-2:]) * math.prod(shape[:-2])


# By the names that flags have.
NAMED: dict[str, Callable[..., Budget]] = {
    "uniform": uniform,
    "erk": erk,
    "erdos_renyi": erdos_renyi,
}


def _shared_out(total: int, sizes: list[int], shares: list[float]) -> list[int]:
    """Whole numbers in proportion to shares, of at most the sizes, at least 1 each."""
    whole: set[int] = set()
    while True:
        rest = [i for i in range(len(sizes)) if i not in whole]
        left = total - sum(sizes[i] for i in whole)
        factor = left / (sum(shares[i] for i in rest) or 1.0)
        # Each that fills up leaves more for the others.
        full = {i for i in rest if factor * shares[i] >= sizes[i]}
        if not full:
            break
        whole |= full
    exact = [float(n) for n in sizes]
    for i in rest:
        exact[i] = factor * shares[i]
    found = [
        min(size, max(1, math.floor(e))) for size, e in zip(sizes, exact, strict=True)
    ]
    # What rounding down left goes to those that lost most by it, and back from the
    # largest where the least of one weight took too much.
    order = sorted(range(len(sizes)), key=lambda i: found[i] - exact[i])
    while (missing := total - sum(found)) != 0:
        step = 1 if missing > 0 else -1
        free = [i for i in order if (found[i] < sizes[i] if step > 0 else found[i] > 1)]
        for i in (
            free[: abs(missing)] if step > 0 else [max(free, key=found.__getitem__)]
        ):
            found[i] += step
    return found
