"""Level arithmetic: survivors per level, steps as text, tfmot schedules.

A level is the number of pruning rounds so far. `IterativePruning` is the same
arithmetic as a tfmot `PruningSchedule`, so that stock `prune_low_magnitude` can run
the paper's strategy 2 (continued training, 1803.03635 appendix B):

    tfmot.sparsity.keras.prune_low_magnitude(
        model, pruning_schedule=lth.IterativePruning(0.2, steps_per_level=1000))
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import LotteryError, keras, sparsity
from lth_keras.pruning import masks


def check_rate(rate: Any, name: str = "rate") -> float:
    """The pruning rate as a float.

    Raises:
        LotteryError: not a number strictly between 0 and 1.
    """
    try:
        value = float(rate)
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 < value < 1.0:
        raise LotteryError(
            f"{name}={rate!r} is not a pruning rate: give the share of surviving "
            "weights to prune per round, above 0 and below 1, such as 0.2."
        )
    return value


def survivors(size: int, rate: float, level: int) -> int:
    """Weights kept of `size` after `level` rounds at `rate`, rounded each round."""
    for _ in range(level):
        size = masks.keep_count(size, rate)
    return size


def level_for_density(
    sizes: Sequence[int], rates: Sequence[float], target: float
) -> int:
    """The first level whose density P_m is at most `target`.

    Args:
        sizes: prunable weights per tensor (or one total, in global scope).
        rates: pruning rate per tensor.
        target: density in (0, 1].

    Raises:
        LotteryError: the density cannot be reached: rounding prunes no more.
    """
    if not 0.0 < target <= 1.0:
        raise LotteryError(
            f"target_density={target!r} is no density: give a share of the prunable "
            "weights, above 0 and at most 1, such as 0.036."
        )
    total, kept, level = sum(sizes), list(sizes), 0
    while sum(kept) > target * total:
        pruned = [masks.keep_count(n, r) for n, r in zip(kept, rates, strict=True)]
        if pruned == kept:
            raise LotteryError(
                f"target_density={target!r} cannot be reached: at "
                f"{sum(kept) / total:.3g} a round prunes no further weight. Raise "
                "the target or the rate."
            )
        kept, level = pruned, level + 1
    return level


_STEP = re.compile(r"(\d+)(it|ep)")


def parse_step(
    step: int | str, steps_per_epoch: int | None, name: str = "rewind_to"
) -> int:
    """A point in training as a number of iterations.

    Args:
        step: "500it" (iterations), "2ep" (epochs) or an int (iterations).
        steps_per_epoch: iterations per epoch; needed for "ep" alone.
        name: the argument to name in an error.

    Raises:
        LotteryError: text of another form, a negative number, or epochs where the
            length of an epoch is not known.
    """
    if isinstance(step, (int, np.integer)) and not isinstance(step, bool) and step >= 0:
        return int(step)
    match = _STEP.fullmatch(step.strip()) if isinstance(step, str) else None
    if match is None:
        raise LotteryError(
            f"{name}={step!r} is not a point in training: write iterations as "
            "'500it' or epochs as '2ep'."
        )
    count, unit = int(match[1]), match[2]
    if unit == "it" or count == 0:
        return count
    if steps_per_epoch is None:
        raise LotteryError(
            f"{name}={step!r} counts epochs, but the length of an epoch is not "
            "known: write iterations as '500it', or pass steps_per_epoch."
        )
    return count * steps_per_epoch


@keras.utils.register_keras_serializable("lth_keras")
class IterativePruning(sparsity.PruningSchedule):
    """Prunes `rate` of the surviving weights after every level of training.

    In stock tfmot it fires at the first step of each level from level 1 on, with
    the target sparsity 1 - (1 - rate)^level. In the wrappers of this package the
    rounds are carried out between two `fit` calls, and the schedule holds the rate.

    Args:
        rate: share of the surviving weights pruned per round, in (0, 1).
        steps_per_level: training steps per level; None means that the schedule
            never fires by itself.
        levels: number of rounds after which it stops; None means no end.
    """

    def __init__(
        self,
        rate: float,
        steps_per_level: int | None = None,
        levels: int | None = None,
    ):
        self.rate = check_rate(rate)
        if steps_per_level is not None and steps_per_level < 1:
            raise LotteryError(
                f"steps_per_level={steps_per_level!r}: a level needs at least one "
                "training step."
            )
        if levels is not None and levels < 0:
            raise LotteryError(
                f"levels={levels!r}: give a number of rounds, 0 or more."
            )
        # NumPy's integers do not go into a model's JSON configuration.
        self.steps_per_level = None if steps_per_level is None else int(steps_per_level)
        self.levels = None if levels is None else int(levels)

    def __call__(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether to prune at `step` (1 is the first), and the sparsity aimed at."""
        if self.steps_per_level is None:
            return tf.constant(False), tf.constant(0.0)
        done = tf.cast(step, tf.int64) - 1
        level = done // self.steps_per_level
        fires = tf.logical_and(
            tf.equal(done % self.steps_per_level, 0), tf.greater(level, 0)
        )
        if self.levels is not None:
            fires = tf.logical_and(fires, tf.less_equal(level, self.levels))
        kept = tf.pow(
            tf.constant(1.0 - self.rate, tf.float64), tf.cast(level, tf.float64)
        )
        return fires, tf.cast(1.0 - kept, tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            "class_name": "lth_keras>IterativePruning",
            "config": {
                "rate": self.rate,
                "steps_per_level": self.steps_per_level,
                "levels": self.levels,
            },
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> IterativePruning:
        return cls(**config)
