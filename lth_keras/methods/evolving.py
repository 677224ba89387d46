"""What SET and RigL share: a sparse network whose mask moves while it trains.

What they do not is which pruned weights are released, one for each that is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lth_keras.arguments import count, number
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import growing
from lth_keras.masking.network import Network
from lth_keras.masking.wrapping import wrap
from lth_keras.methods.changing import Changing
from lth_keras.methods.method import Method, Phase
from lth_keras.pruning.counts import check_density, keep_count
from lth_keras.pruning.ranking import shrink

Arrays = Sequence[np.ndarray]
# f(network, masks, masks without what is dropped) -> for each pruned tensor scores, and
# where they count: the weights of highest score there are released.
Worth = Callable[[Network, Arrays, Arrays], list[tuple[np.ndarray, np.ndarray]]]


class Evolving(Method):
    """One phase on a mask of constant density, whose smallest weights change places.

    Training begins on a random mask. Every so many steps a share of the kept weights,
    those of smallest magnitude, is pruned, and as many others are released at zero.
    `fit` needs `callbacks()`, by which that is carried out. The ticket is the last mask
    with the trained weights.

    Args:
        model: a tf_keras model, as of `lth.wrap`; it stays untouched.
        density: share of each tensor's weights that is kept, below 1.
        drop: share of the kept weights that change places at a time, in (0, 1).
        every: training steps between two of these.
        seed: of the first mask, and of what is drawn.

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

    @property
    def stops(self) -> tuple[int, ...]:
        return (self.every,)

    def begin(self, index: int, network: Network) -> None:
        # The first mask is drawn as training begins, from the dense network.
        growing.grow(network)
        for weight, value in zip(network.weights, self._start, strict=True):
            weight.write(value)

    def dropped_at(self, step: int) -> float:
        """The share of the kept weights that change places after a step; 0 for none."""
        return self.drop


class Evolution(Changing):
    """Puts a model on its first mask, and on others while it trains.

    Args:
        method: what is carried out.
        rng: of the first mask.
        worth: says what is released.
    """

    def __init__(self, method: Evolving, rng: np.random.Generator, worth: Worth):
        super().__init__(method.every)
        self._method, self._rng, self._worth = method, rng, worth

    def begin(self, network: Network) -> None:
        rate = 1 - self._method.density
        chosen = [
            shrink(self._rng.random(m.shape), m, keep_count(int(m.sum()), rate))
            for m in network.masks
        ]
        growing.replace(network, chosen)

    def change(self, network: Network) -> None:
        share = self._method.dropped_at(self.step)
        if share > 0:
            self._move(network, share)

    def _move(self, network: Network, share: float) -> None:
        masks = network.masks
        kept, free = [], []
        for weight, mask in zip(network.pruned, masks, strict=True):
            size = int(mask.sum())
            # A dense tensor has too few others for as many to change places.
            free.append(min(size - keep_count(size, share), int((~mask).sum())))
            kept.append(shrink(np.abs(weight.read()), mask, size - free[-1]))
        worth = self._worth(network, masks, kept)
        new = [
            old | shrink(scores, among, number)
            for old, (scores, among), number in zip(kept, worth, free, strict=True)
        ]
        growing.replace(network, new)
