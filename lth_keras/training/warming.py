"""What a schedule that warms up is made of and stored as, for either Keras."""

from __future__ import annotations

from typing import Any, ClassVar

from lth_keras.errors import LotteryError


class WarmupLogic:
    """Rises from nearly 0 to the full rate, then follows it.

    Stands before a `LearningRateSchedule` of Keras among the bases of a class, which
    says what the rate is at an iteration.

    Args:
        rate: the full rate: a number, or a schedule of the iteration.
        warmup: iterations until it is reached, at least 1.

    Raises:
        LotteryError: `warmup` is no whole number of at least 1.
    """

    # Keras's `optimizers.schedules`.
    schedules: ClassVar[Any]

    def __init__(self, rate: Any, warmup: int):
        super().__init__()
        if int(warmup) != warmup or warmup < 1:
            raise LotteryError(
                f"warmup={warmup!r} is not allowed: give a whole number of iterations, "
                "at least 1, or leave the warmup out."
            )
        self.rate, self.warmup = rate, int(warmup)

    def full(self, step: Any) -> Any:
        """The full rate at iteration `step`."""
        return self.rate(step) if callable(self.rate) else self.rate

    def get_config(self) -> dict[str, Any]:
        rate = self.rate
        if isinstance(rate, self.schedules.LearningRateSchedule):
            rate = self.schedules.serialize(rate)
        return {"rate": rate, "warmup": self.warmup}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        rate = config["rate"]
        if isinstance(rate, dict):
            rate = cls.schedules.deserialize(rate)
        return cls(rate, config["warmup"])
