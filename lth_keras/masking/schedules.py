"""The rounds of a search as a schedule of tfmot's.

A level is the number of pruning rounds so far. `IterativePruning` is their
arithmetic as a tfmot `PruningSchedule`, so that stock `prune_low_magnitude` can run
the paper's strategy 2 (continued training, 1803.03635 appendix B):

    tfmot.sparsity.keras.prune_low_magnitude(
        model, pruning_schedule=lth.IterativePruning(0.2, steps_per_level=1000))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.arguments import count
from lth_keras.compat import keras, sparsity
from lth_keras.pruning import round_rates
from lth_keras.pruning.counts import RoundRate


@keras.utils.register_keras_serializable("lth_keras")
class IterativePruning(sparsity.PruningSchedule):
    """Prunes `rate` of the surviving weights after every level of training.

    In stock tfmot it fires at the first step of each level from level 1 on, with
    the target sparsity 1 - (1 - rate)^level. In the wrappers of this package the
    rounds are carried out between two `fit` calls, and the schedule holds the rate.

    Args:
        rate: share of the surviving weights pruned per round, in (0, 1); or a list
            with one for each round, after which there are no more.
        steps_per_level: training steps per level; None means that the schedule
            never fires by itself.
        levels: number of rounds after which it stops; None means no end.
    """

    def __init__(
        self,
        rate: RoundRate | Sequence[float],
        steps_per_level: int | None = None,
        levels: int | None = None,
    ):
        self.rate = round_rates.check(rate)
        # As Python's own: those of NumPy do not go into a model's JSON configuration.
        if steps_per_level is not None:
            steps_per_level = count(
                "steps_per_level", steps_per_level, 1, "the training steps of a level"
            )
        if levels is not None:
            levels = count("levels", levels, 0, "a number of rounds")
        self.steps_per_level, self.levels = steps_per_level, levels

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
        if isinstance(self.rate, tuple):
            last = len(self.rate)
            fires = tf.logical_and(fires, tf.less_equal(level, last))
            left = np.cumprod([1.0, *(1.0 - rate for rate in self.rate)])
            kept = tf.gather(tf.constant(left, tf.float64), tf.minimum(level, last))
        else:
            kept = tf.pow(
                tf.constant(1.0 - self.rate, tf.float64), tf.cast(level, tf.float64)
            )
        return fires, tf.cast(1.0 - kept, tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            "class_name": "lth_keras>IterativePruning",
            "config": {
                "rate": self.rate if isinstance(self.rate, float) else list(self.rate),
                "steps_per_level": self.steps_per_level,
                "levels": self.levels,
            },
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> IterativePruning:
        return cls(**config)
