"""A learning rate that begins late in its schedule, for the length of a run.

Fine-tuning trains at the rate that a whole run ended with (2003.02389, section 2).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras


class Late(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule whose step 0 is a later one of another schedule.

    Args:
        schedule: the other one.
        step: its step at which this one begins.
    """

    def __init__(self, schedule: Any, step: int):
        super().__init__()
        self._schedule, self._step = schedule, step

    def __call__(self, step: Any) -> Any:
        return self._schedule(step + tf.cast(self._step, step.dtype))

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self._schedule, "step": self._step}


@contextlib.contextmanager
def late_schedule(model: keras.Model, step: int) -> Iterator[None]:
    """Within the block the model trains as if `step` steps had been made already.

    Only the learning rate's schedule knows of it: the optimizer's own count, by which
    Adam corrects its moments, begins where it is. A learning rate that is a plain
    number stays. The train step is traced anew in the block, and the old one is back
    after it.

    Args:
        model: a compiled model.
        step: training steps to leave out of the schedule; 0 changes nothing.
    """
    schedule = compat.learning_rate_schedule(model.optimizer)
    if step == 0 or schedule is None:
        yield
        return
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    traced = model.train_function
    optimizer.learning_rate = Late(schedule, step)
    model.train_function = None
    try:
        yield
    finally:
        optimizer.learning_rate = schedule
        model.train_function = traced
