"""What a criterion of the whole network reads of a model on masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lth_keras.masking.network import Network
from lth_keras.masking.seen import Seen


class NetworkContext:
    """A network and its data as `pruning.criteria.context.Context` says.

    Args:
        network: of a model on masks; its present weights and masks are read anew at
            each step.
        initial: the initial prunable weights, or None.
        data: as `lth.prune` takes it, or None.
        rng: for a criterion that draws.
    """

    def __init__(
        self,
        network: Network,
        initial: Sequence[np.ndarray] | None,
        data: Any,
        rng: np.random.Generator,
    ):
        self._network, self._seen = network, Seen(network)
        self.model, self.data = network.model, data
        self.initial, self.rng = initial, rng
        self._flow: Callable[[], list[np.ndarray]] | None = None

    @property
    def weights(self) -> list[np.ndarray]:
        return self._seen.values()

    @property
    def masks(self) -> list[np.ndarray]:
        return self._network.masks

    def gradients(self) -> list[np.ndarray]:
        return self._network.mean_gradients(self.data)

    def hessian_products(self, vectors: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._network.hessian_products(self.data, vectors)

    def flow(self) -> list[np.ndarray]:
        # One trace serves all steps of a round.
        self._flow = self._flow or self._network.flow()
        return self._flow()
