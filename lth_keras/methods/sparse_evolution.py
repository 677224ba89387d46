"""SparseEvolution: a sparse network whose mask moves while it trains (SET, 1707.04780).

method = lth.methods.SparseEvolution(model, density=0.2, every=100)
method.model.compile(...)
method.model.fit(x, y, epochs=10, callbacks=method.callbacks())
ticket = method.ticket()
"""

from __future__ import annotations

import numpy as np

from lth_keras.arguments import count, number
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import growing
from lth_keras.masking.network import Network
from lth_keras.masking.wrapping import wrap
from lth_keras.methods.method import Method, Phase
from lth_keras.methods.registry import register
from lth_keras.pruning.counts import check_density, keep_count
from lth_keras.pruning.ranking import shrink
from lth_keras.training.steps import StepCallback


@register("set")
class SparseEvolution(Method):
    """One phase on a mask of constant density, whose smallest weights change places.

    Training begins on a random mask. Every so many steps a share of the kept weights,
    those of smallest magnitude, is pruned, and as many others are released at zero,
    drawn from all that were pruned (1707.04780, algorithm 1; here each tensor has the
    same density). `fit` needs `callbacks()`, by which that is carried out. The ticket
    is the last mask with the trained weights.

    Args:
        model: a tf_keras model, as of `lth.wrap`; it stays untouched.
        density: share of each tensor's weights that is kept, below 1.
        drop: share of the kept weights that change places at a time, in (0, 1).
        every: training steps between two of these.
        seed: of the first mask, and of what is released.

    Raises:
        LotteryError: the model or an argument cannot be used.
    """

    plan = (Phase("sparse", learns=True),)

    def __init__(
        self,
        model: keras.Model,
        density: float = 0.2,
        drop: float = 0.3,
        every: int = 100,
        *,
        seed: int = 0,
    ):
        self.density, self.drop = check_density(density), number(drop)
        if not (self.density < 1 and 0 < self.drop < 1):
            raise LotteryError(
                f"density={shown(density)}, drop={shown(drop)}: give shares above 0 "
                "and below 1."
            )
        self.every = count("every", every, 1, "a number of training steps")
        self.seed = count("seed", seed, 0, "a seed")
        self.model = wrap(model, 1 - self.density)
        self._start = [weight.read() for weight in Network.of(self.model).weights]

    def begin(self, index: int, network: Network) -> None:
        # The first mask is drawn as training begins, from the dense network.
        growing.grow(network)
        for weight, value in zip(network.weights, self._start, strict=True):
            weight.write(value)

    def callbacks(
        self, index: int = 0, seed: int = 0
    ) -> list[keras.callbacks.Callback]:
        """What `fit` is given; the same object for several fits that follow."""
        return [_Evolve(self, np.random.default_rng([self.seed, seed]))]


class _Evolve(StepCallback):
    """Puts a model on its first mask, and on others while it trains."""

    def __init__(self, method: SparseEvolution, rng: np.random.Generator):
        super().__init__()
        self._method, self._rng = method, rng
        self._done: int | None = None

    def on_train_begin(self, logs: object = None) -> None:
        before = self.step if self._done is not None else 0
        super().on_train_begin(logs)
        self.step = before
        if self._done is None:
            self._done, network = 0, Network.of(self.model)
            rate = 1 - self._method.density
            masks = [self._chosen(mask, rate) for mask in network.masks]
            growing.replace(network, masks)

    def on_step(self, logs: object) -> None:
        every = self._method.every
        if self.step // every == self._done:
            return
        if self.step % every:
            raise LotteryError(
                f"every={every}: steps_per_execution passes over such a step (it is at "
                f"{self.step}): choose numbers of which one divides the other."
            )
        self._done, network = self.step // every, Network.of(self.model)
        masks = []
        for weight in network.pruned:
            mask = weight.read_mask()
            keep = keep_count(int(mask.sum()), self._method.drop)
            # A dense tensor has too few others for as many to change places.
            free = min(int(mask.sum()) - keep, int((~mask).sum()))
            kept = shrink(np.abs(weight.read()), mask, int(mask.sum()) - free)
            masks.append(kept | self._drawn(~mask, free))
        growing.replace(network, masks)

    def _chosen(self, mask: np.ndarray, rate: float) -> np.ndarray:
        return self._drawn(mask, keep_count(int(mask.sum()), rate))

    def _drawn(self, among: np.ndarray, number: int) -> np.ndarray:
        """A mask of some of the entries that another one has."""
        return shrink(self._rng.random(among.shape), among, number)
