"""DenseSparseDense: train, prune and train, release and train (Han et al. 2017).

method = lth.methods.DenseSparseDense(model, rates=0.3, dense_rate=0.1)
method.model.compile(...)
for phase in method.phases():
    method.model.fit(x, y, epochs=3)
"""

from __future__ import annotations

from lth_keras.arguments import number
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.methods.method import Phase
from lth_keras.methods.registry import register
from lth_keras.methods.restoring import DENSE, SPARSE, Restoring
from lth_keras.pruning.rates import Rate


@register("dsd")
class DenseSparseDense(Restoring):
    """Three phases: dense; sparse, after a round of magnitude pruning; dense again.

    The last phase releases the pruned weights at zero and trains all weights at a
    fraction of the learning rate (Han et al. 2017, arXiv 1607.04381). What is found is
    a dense network, trained.

    Args:
        model: a tf_keras model, as of `lth.wrap`; it stays untouched.
        rates: share of each tensor's weights that the sparse phase goes without; a
            float, {regex on layer name: float} or f(layer), as in `lth.wrap`.
        dense_rate: what the learning rate is multiplied by in the last phase.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    plan = (DENSE, SPARSE, Phase("dense", 0.1))

    def __init__(self, model: keras.Model, rates: Rate = 0.3, dense_rate: float = 0.1):
        self.dense_rate = number(dense_rate)
        if not 0 < self.dense_rate <= 1:
            raise LotteryError(
                f"dense_rate={shown(dense_rate)}: give what the learning rate is "
                "multiplied by in the last phase, above 0 and at most 1, such as 0.1."
            )
        self.plan = (*self.plan[:2], Phase("dense", self.dense_rate))
        super().__init__(model, rates)
