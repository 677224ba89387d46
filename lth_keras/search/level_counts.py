"""How many levels a search has, and rounds of pruning before each.

A search that prunes before it trains (first="prune") has a round before level 0.
"""

from __future__ import annotations

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network

FIRST = ("train", "prune")


def rounds_before(first: str) -> int:
    """Rounds of pruning before level 0 is trained."""
    return int(first == "prune")


def for_density(network: Network, target: float, first: str) -> int:
    """The first level whose P_m is at most a target.

    Raises:
        LotteryError: it cannot be reached.
    """
    rounds = network.recipe.level_for_density(network.groups, target)
    return max(0, rounds - rounds_before(first))


def check(network: Network, levels: int, first: str) -> None:
    """Refuses levels that would leave a weight tensor empty.

    Raises:
        LotteryError: names the first level, and the weight.
    """
    if first == "train":
        network.check_levels(levels)
        return
    recipe = network.require_trainable().recipe
    empty = recipe.first_empty(network.groups, levels + 1)
    if empty is not None:
        level, group = empty[0] - 1, empty[1]
        raise LotteryError(
            f"levels={levels}: level {level} would leave {group.name} "
            f"({group.weights} weights at rate {group.rate}) without any weight: use "
            "fewer levels, a lower rate, or leave the layer out (exclude=)."
        )
