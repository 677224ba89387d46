"""Learning rates that the papers used and Keras has no schedule for, in tf_keras.

`scaled_rates` has those of a run. Models of Keras 3: `keras3_schedules`.

drops = keras.optimizers.schedules.PiecewiseConstantDecay([19_999], [0.1, 0.01])
keras.optimizers.SGD(LinearWarmup(drops, warmup=10_000), momentum=0.9)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

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
