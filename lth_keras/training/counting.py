"""How many training steps were made? What callbacks of either Keras count by."""

from __future__ import annotations

from typing import Any


class StepLogic:
    """Counts training steps (iterations), whatever steps_per_execution is.

    Stands before a `Callback` of Keras among the bases of a class.

    Attributes:
        step: training steps done, in this `fit` and from `start` on.
    """

    # What Keras's class gives them.
    params: Any
    model: Any

    def __init__(self, start: int = 0, first_batch: int = 0):
        super().__init__()
        self._start, self._first_batch = start, first_batch
        self._offset = first_batch
        self.step = start
        self._last = -1

    def on_train_begin(self, logs: Any = None) -> None:
        self.step = self._start
        self._offset = self._first_batch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._last = self._offset - 1
        self._offset = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.step += batch - self._last
        self._last = batch
        self.on_step(logs)

    def on_step(self, logs: Any) -> None:
        """Called with `self.step` up to date, after each execution."""


def level_seed(seed: int, level: int) -> int:
    """A seed of its own for the random layers of each level."""
    return seed * 1_000_003 + level
