"""The callback that evaluates as training goes on, and keeps the curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.training.counting import StepLogic
from lth_keras.training.evaluation import Evaluator


class Evaluates(StepLogic):
    """Evaluates on fixed data as training goes on, and keeps the curve.

    Args:
        data: {"val": data, "test": data}: see `Evaluator` for the data.
        every: iterations between two evaluations; None means at each epoch's end.
        start: iterations done before this `fit`.
        first_batch: batch of the first epoch that this `fit` begins with.
        monitor: a column that must be there, or None.
        also: f(iteration) -> further columns, or None.

    Attributes:
        curve: {"iteration": [...], "val_loss": [...], "test_accuracy": [...], ...},
            NaN where a column was not computed.
    """

    def __init__(
        self,
        data: Mapping[str, Evaluator],
        every: int | None = None,
        start: int = 0,
        first_batch: int = 0,
        monitor: str | None = None,
        also: Callable[[int], Mapping[str, float]] | None = None,
    ):
        super().__init__(start, first_batch)
        self._data, self._every, self._monitor = dict(data), every, monitor
        self._also = also
        self.curve: dict[str, list[float]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.curve = {"iteration": []}
        self._due: int | None = None
        if self._every:
            self._due = (self.step // self._every + 1) * self._every

    def on_step(self, logs: Any) -> None:
        if self._every is None or self._due is None or self.step < self._due:
            return
        if self.step > self._due:
            raise LotteryError(
                f"evaluate_every={self._every}: steps_per_execution passes over "
                f"iteration {self._due} (it is at {self.step}): choose numbers of "
                "which one divides the other, and the steps per epoch too."
            )
        self._due += self._every
        self._evaluate({})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        given = {
            name: float(value)
            for name, value in (logs or {}).items()
            if name.startswith("val_")
        }
        if not self.curve["iteration"] or self.curve["iteration"][-1] != self.step:
            own = self._data or self._also is not None
            if given or "val" in self._data or (own and self._every is None):
                self._evaluate(given)
        if logs is not None and "val" in self._data:
            # For callbacks that watch val_loss, which fit itself did not compute.
            logs.update(
                {n: v[-1] for n, v in self.curve.items() if n.startswith("val_")}
            )

    def finish(self, again: bool) -> dict[str, float]:
        """Evaluates once more unless the last iteration was evaluated.

        Args:
            again: whether the weights may be others than after the last iteration,
                as when a callback restored the best ones. They get no place in the
                curve then.

        Returns:
            The metrics of the model's present weights.
        """
        iterations = self.curve["iteration"]
        if not iterations or iterations[-1] != self.step:
            self._evaluate({})
        self._check_monitor(self.curve)
        if again:
            return self._metrics()
        return {n: v[-1] for n, v in self.curve.items() if n != "iteration"}

    def _check_monitor(self, found: Iterable[str]) -> None:
        if self._monitor not in (None, *found):
            names = [name for name in found if name.startswith("val_")]
            raise LotteryError(
                f"monitor={self._monitor!r} is not computed: choose one of "
                f"{', '.join(names) or 'none (pass validation_data)'}."
            )

    def _metrics(self) -> dict[str, float]:
        return {
            f"{name}_{metric}": value
            for name, evaluator in self._data.items()
            for metric, value in evaluator().items()
        }

    def _evaluate(self, given: Mapping[str, float]) -> None:
        found = {**given, **self._metrics()}
        if self._also is not None:
            found |= self._also(self.step)
        # Keras's own validation, where it is used, may not be due yet.
        if "val" in self._data or given:
            self._check_monitor(found)
        rows = len(self.curve["iteration"])
        self.curve["iteration"].append(self.step)
        for name in found:
            self.curve.setdefault(name, [math.nan] * rows)
        for name, column in self.curve.items():
            if name != "iteration":
                column.append(found.get(name, math.nan))
