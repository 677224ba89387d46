"""The learning rate of one training step, held for the length of a run.

Fine-tuning trains at the rate that a whole run ended with (2003.02389, section 2).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras


class Held(keras.optimizers.schedules.LearningRateSchedule):
    """What another schedule gives at one step, at every step.

    Args:
        schedule: the other one.
        step: its step, from 0.
    """

    def __init__(self, schedule: Any, step: int):
        super().__init__()
        self._schedule, self._step = schedule, step

    def __call__(self, step: Any) -> Any:
        return self._schedule(tf.constant(self._step, step.dtype))

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self._schedule, "step": self._step}


@contextlib.contextmanager
def last_rate(model: keras.Model, steps: int) -> Iterator[None]:
    """Within the block the model trains at the rate of the last of `steps` steps.

    Only the learning rate's schedule knows of it: the optimizer's own count, by which
    Adam corrects its moments, begins where it is. A learning rate that is a plain
    number stays. The train step is traced anew in the block, and the old one is back
    after it.

    Args:
        model: a compiled model.
        steps: training steps that count as done; 0 changes nothing.
    """
    schedule = compat.learning_rate_schedule(model.optimizer)
    if steps == 0 or schedule is None:
        yield
        return
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    traced = model.train_function
    optimizer.learning_rate = Held(schedule, steps - 1)
    model.train_function = None
    try:
        yield
    finally:
        optimizer.learning_rate = schedule
        model.train_function = traced
