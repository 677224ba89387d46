"""Learning rates that the papers used and Keras has no schedule for, in tf_keras.

`scaled_rates` has those of a run. Models of Keras 3: `keras3_schedules`.

drops = keras.optimizers.schedules.PiecewiseConstantDecay([19_999], [0.1, 0.01])
keras.optimizers.SGD(LinearWarmup(drops, warmup=10_000), momentum=0.9)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.training.warming import WarmupLogic


@keras.utils.register_keras_serializable("lth_keras")
class LinearWarmup(WarmupLogic, keras.optimizers.schedules.LearningRateSchedule):
    """Rises from nearly 0 to the full rate, then follows it (1803.03635, section 4).

    Iteration i, counted from 0, has min(1, (i + 1) / warmup) times the full rate.

    Args:
        rate: the full rate: a number, or a schedule of the iteration.
        warmup: iterations until it is reached, at least 1.

    Raises:
        LotteryError: `warmup` is no whole number of at least 1.
    """

    schedules = keras.optimizers.schedules

    def __call__(self, step: Any) -> tf.Tensor:
        """The rate at iteration `step`, float32."""
        done = tf.cast(step, tf.float32) + 1.0
        full = tf.cast(self.full(step), tf.float32)
        return tf.minimum(1.0, done / self.warmup) * full
