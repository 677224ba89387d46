"""Thin Keras callbacks of a training run: they count steps, project, watch for NaN."""

from __future__ import annotations

import math
from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import DivergedError
from lth_keras.masking import acts
from lth_keras.masking.network import Network
from lth_keras.training.counting import StepLogic


class StepCallback(StepLogic, keras.callbacks.Callback):
    """Counts training steps of a tf_keras model; see `StepLogic`."""

    # No conversion of the logs to NumPy for each batch.
    _supports_tf_logs = True


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

    Args:
        network: of the model that is trained.
    """

    def __init__(self, network: Network):
        super().__init__()
        self._network = network

    def on_train_begin(self, logs: Any = None) -> None:
        acts.project(self._network)


class StopOnNaN(StepCallback):
    """Raises `DivergedError` at the first step whose loss is NaN."""

    def on_step(self, logs: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and math.isnan(float(loss)):
            raise DivergedError(
                f"the loss is NaN at iteration {self.step}: lower the learning rate, "
                "or look for NaN in the data."
            )


class RequireComplete(keras.callbacks.Callback):
    """Refuses, after the first step, weights that this step has made.

    Args:
        network: of the model that is trained.
    """

    _supports_tf_logs = True

    def __init__(self, network: Network):
        super().__init__()
        self._network = network
        self._done = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._done:
            self._done = True
            self._network.require_complete()
