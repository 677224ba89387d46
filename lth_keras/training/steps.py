"""Callbacks of tf_keras that count training steps."""

from __future__ import annotations

from lth_keras.compat import keras
from lth_keras.training.counting import StepLogic
from lth_keras.training.watching import StopsOnNaN


class StepCallback(StepLogic, keras.callbacks.Callback):
    """Counts training steps of a tf_keras model; see `StepLogic`."""

    # No conversion of the logs to NumPy for each batch.
    _supports_tf_logs = True


class StopOnNaN(StopsOnNaN, StepCallback):
    """Raises `DivergedError` at the first step whose loss is NaN."""
