"""What every mask that changes while it trains shares: when it does."""

from __future__ import annotations

import abc

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.training.steps import StepCallback


class Changing(StepCallback, abc.ABC):
    """Changes a model's masks every so many steps, and when training begins.

    Several `fit` calls that are given the same object go on counting.

    Args:
        every: training steps between two changes.
    """

    def __init__(self, every: int):
        super().__init__()
        self._every = every
        self._done: int | None = None

    def begin(self, network: Network) -> None:
        """Before the first step of all; by default nothing is done."""
        return None

    @abc.abstractmethod
    def change(self, network: Network) -> None:
        """After each `every` steps; `self.step` tells how many there were."""

    def on_train_begin(self, logs: object = None) -> None:
        before = self.step if self._done is not None else 0
        super().on_train_begin(logs)
        self.step = before
        if self._done is None:
            self._done = 0
            self.begin(Network.of(self.model))

    def on_step(self, logs: object) -> None:
        if self.step // self._every == self._done:
            return
        if self.step % self._every:
            raise LotteryError(
                f"every={self._every}: steps_per_execution passes over such a step (it "
                f"is at {self.step}): choose numbers of which one divides the other."
            )
        self._done = self.step // self._every
        self.change(Network.of(self.model))
