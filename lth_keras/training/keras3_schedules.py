"""Learning rates that the papers used, for optimizers of Keras 3.

warmup = keras3_schedules.linear_warmup()
keras.optimizers.SGD(warmup(0.1, warmup=10_000), momentum=0.9)
"""

from __future__ import annotations

import functools
from typing import Any

from lth_keras import compat
from lth_keras.errors import LotteryError


@functools.cache
def linear_warmup() -> Any:
    """The class `LinearWarmup` of Keras 3; see the one of tf_keras."""
    keras = compat.keras3()
    schedules, ops = keras.optimizers.schedules, keras.ops
    base: Any = schedules.LearningRateSchedule

    @keras.saving.register_keras_serializable("lth_keras")
    class LinearWarmup(base):
        """Rises from nearly 0 to the full rate, then follows it."""

        def __init__(self, rate: Any, warmup: int):
            super().__init__()
            if int(warmup) != warmup or warmup < 1:
                raise LotteryError(
                    f"warmup={warmup!r} is not allowed: give a whole number of "
                    "iterations, at least 1, or leave the warmup out."
                )
            self.rate, self.warmup = rate, int(warmup)

        def __call__(self, step: Any) -> Any:
            """The rate at iteration `step`, float32."""
            full = self.rate(step) if callable(self.rate) else self.rate
            done = ops.cast(step, "float32") + 1.0
            return ops.minimum(1.0, done / self.warmup) * ops.cast(full, "float32")

        def get_config(self) -> dict[str, Any]:
            rate = self.rate
            if isinstance(rate, schedules.LearningRateSchedule):
                rate = schedules.serialize(rate)
            return {"rate": rate, "warmup": self.warmup}

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            rate = config["rate"]
            if isinstance(rate, dict):
                rate = schedules.deserialize(rate)
            return cls(rate, config["warmup"])

    return LinearWarmup
