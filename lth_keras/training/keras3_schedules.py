"""Learning rates that the papers used, for optimizers of Keras 3.

warmup = keras3_schedules.linear_warmup()
keras.optimizers.SGD(warmup(0.1, warmup=10_000), momentum=0.9)
"""

from __future__ import annotations

import functools
from typing import Any

from lth_keras import compat
from lth_keras.training.warming import WarmupLogic


@functools.cache
def linear_warmup() -> Any:
    """The class `LinearWarmup` of Keras 3; see the one of tf_keras."""
    keras = compat.keras3()
    ops = keras.ops
    base: Any = keras.optimizers.schedules.LearningRateSchedule

    @keras.saving.register_keras_serializable("lth_keras")
    class LinearWarmup(WarmupLogic, base):
        """Rises from nearly 0 to the full rate, then follows it."""

        schedules = keras.optimizers.schedules

        def __call__(self, step: Any) -> Any:
            """The rate at iteration `step`, float32."""
            done = ops.cast(step, "float32") + 1.0
            full = ops.cast(self.full(step), "float32")
            return ops.minimum(1.0, done / self.warmup) * full

    return LinearWarmup
