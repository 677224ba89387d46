"""Learning rates that the papers used and Keras has no schedule for.

drops = keras.optimizers.schedules.PiecewiseConstantDecay([19_999], [0.1, 0.01])
keras.optimizers.SGD(LinearWarmup(drops, warmup=10_000), momentum=0.9)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError


@keras.utils.register_keras_serializable("lth_keras")
class LinearWarmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from nearly 0 to the full rate, then follows it (1803.03635, section 4).

    Iteration i, counted from 0, has min(1, (i + 1) / warmup) times the full rate.

    Args:
        rate: the full rate: a number, or a schedule of the iteration.
        warmup: iterations until it is reached, at least 1.

    Raises:
        LotteryError: `warmup` is no whole number of at least 1.
    """

    def __init__(self, rate: Any, warmup: int):
        super().__init__()
        if int(warmup) != warmup or warmup < 1:
            raise LotteryError(
                f"warmup={warmup!r} is not allowed: give a whole number of iterations, "
                "at least 1, or leave the warmup out."
            )
        self.rate, self.warmup = rate, int(warmup)

    def __call__(self, step: Any) -> tf.Tensor:
        """The rate at iteration `step`, float32."""
        full = self.rate(step) if callable(self.rate) else self.rate
        done = tf.cast(step, tf.float32) + 1.0
        return tf.minimum(1.0, done / self.warmup) * tf.cast(full, tf.float32)

    def get_config(self) -> dict[str, Any]:
        rate = self.rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            rate = keras.optimizers.schedules.serialize(rate)
        return {"rate": rate, "warmup": self.warmup}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LinearWarmup:
        rate = config["rate"]
        if isinstance(rate, dict):
            rate = keras.optimizers.schedules.deserialize(rate)
        return cls(rate, config["warmup"])


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


class Scaled(keras.optimizers.schedules.LearningRateSchedule):
    """What another schedule gives, times a factor.

    Args:
        schedule: the other one.
        factor: above 0.
    """

    def __init__(self, schedule: Any, factor: float):
        super().__init__()
        self._schedule, self._factor = schedule, factor

    def __call__(self, step: Any) -> Any:
        return self._schedule(step) * self._factor

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self._schedule, "factor": self._factor}


@contextlib.contextmanager
def scaled_rate(model: keras.Model, factor: float) -> Iterator[None]:
    """Within the block the model trains at its learning rate times a factor.

    A plain number is changed where it is, and the train step stays; for a schedule it
    is traced anew, as in `last_rate`.

    Args:
        model: a compiled model.
        factor: above 0; 1 changes nothing.
    """
    if factor == 1:
        yield
        return
    schedule = compat.learning_rate_schedule(model.optimizer)
    if schedule is not None:
        with _replaced(model, Scaled(schedule, factor)):
            yield
        return
    rate = keras.backend.get_value(model.optimizer.learning_rate)
    keras.backend.set_value(model.optimizer.learning_rate, rate * factor)
    try:
        yield
    finally:
        keras.backend.set_value(model.optimizer.learning_rate, rate)


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
    with _replaced(model, Held(schedule, steps - 1)):
        yield


@contextlib.contextmanager
def _replaced(model: keras.Model, schedule: Any) -> Iterator[None]:
    """Within the block the optimizer has another schedule, and a step of its own."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    before = compat.learning_rate_schedule(model.optimizer)
    traced = model.train_function
    optimizer.learning_rate = schedule
    model.train_function = None
    try:
        yield
    finally:
        optimizer.learning_rate = before
        model.train_function = traced
