"""What methods share that prune weights, train, and let the pruned ones come back."""

from __future__ import annotations

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import acts, growing
from lth_keras.masking.network import Network
from lth_keras.masking.wrapping import wrap
from lth_keras.methods.method import Method, Phase
from lth_keras.pruning import round_rates
from lth_keras.pruning.rates import Rate

DENSE, SPARSE = Phase("dense"), Phase("sparse")


class Restoring(Method):
    """Dense and sparse phases in turn; each goes on from the weights of the one before.

    A sparse phase prunes a share of all weights of a tensor by magnitude. A dense one
    releases what is pruned, at zero.

    Attributes:
        rates: the share that a sparse phase prunes, as `lth.wrap` takes it.
    """

    def __init__(self, model: keras.Model, rates: Rate):
        self.rates = rates
        self.model = wrap(model, rates)

    def begin(self, index: int, network: Network) -> None:
        growing.grow(network)
        if round_rates.rounds(network.recipe.rates) is not None:
            raise LotteryError(
                "a sparse phase prunes the whole network once, and these rates differ "
                "by round: give one for each layer."
            )
        if self.plan[index].name == SPARSE.name:
            acts.prune(network)
