"""Keras's progress bars, each with the run that it is of.

A search is many `fit` calls: by "Epoch 1/3" alone nobody knows which level trains.
"""

from __future__ import annotations

from typing import Any

from lth_keras.compat import Trainer
from lth_keras.runs import summaries, wording
from lth_keras.runs.rows import Run


class NamesItsRun:
    """Keras's own bars, where each epoch's line names level and P_m.

    Beside a Keras's `ProgbarLogger`; it is taken in the place of the one that would be
    added.

    Args:
        run: which run it is.
        density: P_m of the run, a fraction.
        dense_share: see `title`.
    """

    epochs: int  # of the `fit`, as Keras sets it
    verbose: int

    def __init__(
        self, run: Run, density: float, dense_share: float = 0.0, **given: Any
    ):
        super().__init__(**given)
        self._title = title(run, density, dense_share)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # Keras writes its own line for several epochs alone.
        epochs, self.epochs = self.epochs, 1
        try:
            super().on_epoch_begin(epoch, logs)  # type: ignore[misc]
        finally:
            self.epochs = epochs
        if self.verbose:
            print(f"{self._title}: epoch {epoch + 1}/{epochs}", flush=True)


def title(run: Run, density: float, dense_share: float = 0.0) -> str:
    """A run in words: "level 3, P_m 51.2 %", "level 3, P_m 51.2 %, random_reinit".

    Args:
        run: which run it is.
        density: its P_m.
        dense_share: of the kernel entries that P_m is not of; said if there are any.
    """
    text = f"level {run.level}, P_m {wording.percent_kept(density)} %"
    if dense_share:
        text += f" ({wording.left_dense(dense_share)})"
    if run.control == summaries.TICKET:
        return text
    row = {"control": run.control, "parameters": run.parameters}
    return f"{text}, {summaries.label(row)}"


def has_own(trainer: Trainer, callbacks: list[Any]) -> bool:
    """Whether a user's callbacks have a bar of that Keras among them.

    Args:
        trainer: the Keras that trains.
        callbacks: the user's.
    """
    kind = trainer.keras.callbacks.ProgbarLogger
    return any(isinstance(callback, kind) for callback in callbacks)


def of_run(
    trainer: Trainer,
    run: Run,
    density: float,
    verbose: Any,
    callbacks: list[Any],
    dense_share: float = 0.0,
) -> list[Any]:
    """The bars of a run; none where the user wants none, or has their own.

    Args:
        trainer: the Keras that trains.
        run: which run it is.
        density: its P_m.
        verbose: as `model.fit` takes it.
        callbacks: the user's.
        dense_share: see `title`.
    """
    if not verbose or has_own(trainer, callbacks):
        return []
    made = trainer.callback(NamesItsRun, trainer.keras.callbacks.ProgbarLogger)
    return [made(run, density, dense_share, **trainer.bars)]
