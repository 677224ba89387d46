"""Callbacks: capture, prune and rewind in plain `fit` loops, and thin helpers.

    capture, rewind = lth.CaptureInitialWeights(), lth.PruneAndRewind()
    for level in range(16):
        model.fit(x, y, epochs=3, callbacks=[capture, rewind])

After a `fit` returns the model holds that level's trained weights; pruning and
rewinding happen as the next level begins.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lth_keras import compat
from lth_keras.compat import LotteryError, keras
from lth_keras.masking import acts, schedules
from lth_keras.masking.weights import density_of
from lth_keras.training.evaluation import Evaluator

# What CaptureInitialWeights found, for the PruneAndRewind of the same model.
_STARTS: weakref.WeakKeyDictionary[keras.Model, acts.Start] = (
    weakref.WeakKeyDictionary()
)


class DivergedError(LotteryError):
    """The training loss became NaN; what was finished before stays."""


class StepCallback(keras.callbacks.Callback):
    """Counts training steps (iterations), whatever steps_per_execution is.

    Attributes:
        step: training steps done, in this `fit` and from `start` on.
    """

    # No conversion of the logs to NumPy for each batch.
    _supports_tf_logs = True

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


class CaptureAt(StepCallback):
    """Captures theta_k and the optimizer's state once, and hands them on.

    Args:
        rewind_to: the training step to capture, "0it", "500it" or "2ep".
        receive: called with what was captured.
        stop: whether training ends then.

    Attributes:
        captured: whether that happened.
        at: the step to capture, in iterations.
    """

    def __init__(
        self,
        rewind_to: int | str,
        receive: Callable[[acts.Start], Any] | None = None,
        stop: bool = False,
    ):
        super().__init__()
        self._rewind_to, self._receive, self._stop = rewind_to, receive, stop
        self.captured = False
        self.at = 0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        steps = self.params.get("steps") if self.params else None
        self.at = schedules.parse_step(self._rewind_to, steps)
        if not self.captured and self.at == 0:
            self._capture()

    def on_step(self, logs: Any) -> None:
        if not self.captured and self.step >= self.at:
            if self.step > self.at:
                raise LotteryError(
                    f"rewind_to={self._rewind_to!r}: steps_per_execution passes over "
                    f"iteration {self.at} (it is at {self.step}): choose numbers of "
                    "which one divides the other."
                )
            self._capture()

    def _capture(self) -> None:
        start = acts.capture(self.model, step=self.at)
        if self._receive is not None:
            self._receive(start)
        self.captured = True
        self.model.stop_training = self.model.stop_training or self._stop


class CaptureInitialWeights(CaptureAt):
    """Captures theta_0 (or theta_k) in the first `fit` of a model.

    Args:
        rewind_to: the training step to capture, "0it", "500it" or "2ep". A later
            step needs a first `fit` that runs past it; the later ones then train
            from there for as long as you say (`LotterySearch` trains the remaining
            steps alone, on the data from there on).

    Attributes:
        start: what was captured, or None before.
    """

    def __init__(self, rewind_to: int | str = "0it"):
        super().__init__(rewind_to, self._keep)
        self.start: acts.Start | None = None

    def _keep(self, start: acts.Start) -> None:
        self.start = start
        _STARTS[self.model] = start


class PruneAndRewind(keras.callbacks.Callback):
    """From the second `fit` on, prunes one round and rewinds before training.

    A `fit` that was interrupted is followed by a rewind without a further round.

    Args:
        seed: seed of the criterion "random" and of dropout-like layers.

    Attributes:
        level: number of pruning rounds so far.
    """

    def __init__(self, seed: int = 0):
        super().__init__()
        self._seed = seed
        self.level = 0
        self._began = False
        self._trained = False

    def on_train_begin(self, logs: Any = None) -> None:
        if self._began:
            start = _STARTS.get(self.model)
            if start is None:
                raise LotteryError(
                    "nothing was captured to rewind to: put "
                    "lth.CaptureInitialWeights() among the callbacks from the first "
                    "fit on, and let that fit run past its rewind_to."
                )
            if self._trained:
                acts.prune(self.model, start, seed=self._seed + self.level)
                self.level += 1
                # A rewind that fails is tried again without another round.
                self._trained = False
            acts.rewind(self.model, start)
        else:
            density_of(self.model)  # refuses a model that is not wrapped
        self._began, self._trained = True, False
        compat.reset_generators(self.model, level_seed(self._seed, self.level))

    def on_train_end(self, logs: Any = None) -> None:
        self._trained = True


def level_seed(seed: int, level: int) -> int:
    """A seed of its own for the random layers of each level."""
    return seed * 1_000_003 + level


class StartAt(keras.callbacks.Callback):
    """Lets a `fit` begin at batch `step` of `epoch`, counters included."""

    def __init__(self, epoch: int, step: int):
        super().__init__()
        self._epoch, self._step = epoch, step

    def on_train_begin(self, logs: Any = None) -> None:
        compat.start_fit_at(self.model, self._epoch, self._step)


class Project(keras.callbacks.Callback):
    """Puts the weights on their masks when training begins.

    Stands after callbacks that write weights then, such as BackupAndRestore.
    """

    def on_train_begin(self, logs: Any = None) -> None:
        acts.project(self.model)


class StopOnNaN(StepCallback):
    """Raises `DivergedError` at the first step whose loss is NaN."""

    def on_step(self, logs: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and math.isnan(float(loss)):
            raise DivergedError(
                f"the loss is NaN at iteration {self.step}: lower the learning rate, "
                "or look for NaN in the data."
            )


class Evaluate(StepCallback):
    """Evaluates on fixed data as training goes on, and keeps the curve.

    Args:
        data: {"val": data, "test": data}: see `Evaluator` for the data.
        every: iterations between two evaluations; None means at each epoch's end.
        start: iterations done before this `fit`.
        first_batch: batch of the first epoch that this `fit` begins with.
        monitor: a column that must be there, or None.

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
    ):
        super().__init__(start, first_batch)
        self._data, self._every, self._monitor = dict(data), every, monitor
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
            if given or "val" in self._data or (self._data and self._every is None):
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
