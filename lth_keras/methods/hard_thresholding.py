"""HardThresholding: prune and release in turn (1607.05423).

method = lth.methods.HardThresholding(model, rates=0.8, rounds=4)
method.model.compile(...)
for phase in method.phases():
    method.model.fit(x, y, epochs=1)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lth_keras.arguments import count
from lth_keras.compat import keras
from lth_keras.methods.method import Phase
from lth_keras.methods.registry import register
from lth_keras.methods.restoring import DENSE, SPARSE, Restoring
from lth_keras.pruning.rates import Rate

_MOST_ROUNDS = 1000


@register("iht")
class HardThresholding(Restoring):
    """A dense phase, then rounds of a sparse and a dense one, all weights by magnitude.

    Iterative hard thresholding (1607.05423, algorithm 1): a round sets the smallest
    weights to zero, trains the rest on a fixed mask, then releases them at zero and
    trains all. A last sparse phase leaves a sparse network, the ticket.

    Args:
        model: a tf_keras model, as of `lth.wrap`; it stays untouched.
        rates: share of each tensor's weights that sparse phases go without.
        rounds: how often pruned weights are released again.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    def __init__(self, model: keras.Model, rates: Rate = 0.8, rounds: int = 4):
        self.rounds = _checked(rounds)
        self.plan = self.phases_of({"rounds": rounds})
        super().__init__(model, rates)

    @classmethod
    def phases_of(cls, given: Mapping[str, Any]) -> tuple[Phase, ...]:
        rounds = _checked(given.get("rounds", 4))
        return (DENSE, *[SPARSE, DENSE] * rounds, SPARSE)


def _checked(rounds: int) -> int:
    return count("rounds", rounds, 1, "a number of rounds", _MOST_ROUNDS)
