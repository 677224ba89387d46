"""How weights that stay are read through scores that train: the mask of a moment.

The forward pass multiplies by a mask of zeros and ones, which has no gradient; the
backward pass lets the gradient straight through to the scores, those of weights that
are left out too, so that they can come back.
"""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lth_keras.arguments import among, count, number, switch
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import draws
from lth_keras.masking.selection import HINT, top_share
from lth_keras.pruning.ranking import shrink

EVALUATIONS = ("threshold", "expectation", "sample")


class Moment(NamedTuple):
    """What the weights of a tensor are multiplied by in one call.

    Attributes:
        share: of each weight, float32 in the weight's shape: 0 or 1, or in between.
        slope: of the share by the score, in the backward pass.
    """

    share: tf.Tensor
    slope: tf.Tensor


class Reading(abc.ABC):
    """How scores become a mask.

    Attributes:
        name: what the configuration calls it.
        memory: shape and type of what a tensor's reading keeps from one training step
            to the next, zeros at first.
    """

    name: str
    memory: tuple[tuple[int, ...], tf.DType]

    @abc.abstractmethod
    def now(
        self, scores: tf.Tensor, training: Any, memory: tf.Tensor, place: int
    ) -> tuple[Moment, tf.Tensor]:
        """What a call multiplies the weights by, and the memory of the next step.

        Args:
            scores: float32, in the weight's shape.
            training: whether it is a training step: True, False or a boolean tensor.
            memory: what the last training step returned.
            place: number of the tensor in its model, so that no two draw alike.
        """

    @abc.abstractmethod
    def settled(self, scores: np.ndarray) -> tuple[np.ndarray, np.float32]:
        """The boolean mask that scores have come to, and the factor of what is kept."""

    @abc.abstractmethod
    def held(self, mask: np.ndarray) -> np.ndarray:
        """Scores that come to a mask."""

    @abc.abstractmethod
    def begin(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The scores before the first step, float32."""

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Its arguments as plain data."""


class TopShare(Reading):
    """Keeps the share of largest |score| of each tensor (1911.13299, section 3.2).

    Args:
        keep: share of the weights that is kept, in (0, 1].
    """

    name = "top_share"
    memory = (HINT,), tf.float32

    def __init__(self, keep: float):
        self.keep = number(keep)
        if not 0 < self.keep <= 1:
            raise LotteryError(
                f"keep={shown(keep)}: give the share of each layer's weights that "
                "stays, above 0 and at most 1, such as 0.5."
            )

    def now(
        self, scores: tf.Tensor, training: Any, memory: tf.Tensor, place: int
    ) -> tuple[Moment, tf.Tensor]:
        keep = self._count(scores.shape)
        kept, hint = top_share(tf.stop_gradient(scores), keep, memory)
        return Moment(tf.cast(kept, scores.dtype), tf.sign(scores)), hint

    def settled(self, scores: np.ndarray) -> tuple[np.ndarray, np.float32]:
        keep = self._count(scores.shape)
        every = np.ones(scores.shape, bool)
        return shrink(np.abs(scores), every, keep), np.float32(1)

    def held(self, mask: np.ndarray) -> np.ndarray:
        return mask.astype(np.float32)

    def begin(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Uniform, as torch's linear layers begin (section 4.1)."""
        bound = 1 / np.sqrt(max(1, int(np.prod(shape[:-1]))))
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        return {"keep": self.keep}

    def _count(self, shape: Any) -> int:
        size = int(np.prod(shape))
        # As a round of pruning counts; a layer without a weight would be cut in two.
        return max(1, size - round((1 - self.keep) * size))


class Bernoulli(Reading):
    """Keeps each weight by chance, sigmoid(score) (1905.01067, section 5.2).

    Args:
        rescale: whether what is kept is multiplied by (weights / kept weights).
        evaluate: what counts outside of training: "threshold" keeps the weights whose
            chance is above a half, "expectation" multiplies each by its chance,
            "sample" draws as in training.
        seed: of the draws.
    """

    name = "bernoulli"
    memory = (), tf.int64  # draws so far

    def __init__(
        self, rescale: bool = True, evaluate: str = "threshold", seed: int = 0
    ):
        self.rescale = switch("rescale", rescale)
        self.seed = count("seed", seed, 0, "a seed")
        if not among(evaluate, EVALUATIONS):
            raise LotteryError(
                f"evaluate={shown(evaluate)} is not known: use 'threshold', "
                "'expectation' or 'sample'."
            )
        self.evaluate = evaluate

    def now(
        self, scores: tf.Tensor, training: Any, memory: tf.Tensor, place: int
    ) -> tuple[Moment, tf.Tensor]:
        chance = tf.sigmoid(scores)
        slope = chance * (1 - chance)
        if training is True or self.evaluate == "sample":
            share = self._drawn(chance, memory, place)
        elif training is False:
            share = self._certain(scores, chance)
        else:
            drawn = self._drawn(chance, memory, place)
            share = tf.where(training, drawn, self._certain(scores, chance))
        if self.rescale:
            factor = share.shape.num_elements() / tf.maximum(tf.reduce_sum(share), 1)
            share, slope = share * factor, slope * factor
        return Moment(share, slope), memory + 1

    def _drawn(self, chance: tf.Tensor, step: Any, place: int) -> tf.Tensor:
        return _compared(tf.stop_gradient(chance), step, self.seed * 1_000_003 + place)

    def _certain(self, scores: tf.Tensor, chance: tf.Tensor) -> tf.Tensor:
        if self.evaluate == "expectation":
            return chance
        # Not the chance itself, which a small score leaves at a half.
        return tf.cast(scores > 0, chance.dtype)

    def settled(self, scores: np.ndarray) -> tuple[np.ndarray, np.float32]:
        mask = scores > 0
        kept = max(1, int(np.count_nonzero(mask)))
        return mask, np.float32(mask.size / kept if self.rescale else 1)

    def held(self, mask: np.ndarray) -> np.ndarray:
        # So far from even that neither chance nor expectation would show.
        return np.where(mask, np.float32(100), np.float32(-100))

    def begin(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Zeros, an even chance for each."""
        return np.zeros(shape, np.float32)

    def get_config(self) -> dict[str, Any]:
        return {"rescale": self.rescale, "evaluate": self.evaluate, "seed": self.seed}


# Compiled by itself too: unsigned numbers op by op would go through memory ten times.
@tf.function(jit_compile=True, autograph=False)
def _compared(chance: tf.Tensor, step: tf.Tensor, seed: int) -> tf.Tensor:
    return tf.cast(draws.uniform(chance.shape, seed, step) < chance, chance.dtype)


READINGS = {kind.name: kind for kind in (TopShare, Bernoulli)}


@tf.custom_gradient
def read_through(
    value: tf.Tensor, scores: tf.Tensor, share: tf.Tensor, slope: tf.Tensor
) -> Any:
    """`value * share`, whose gradient goes to the scores, whatever their share.

    Args:
        value: the weights, of any float type; they get no gradient.
        scores: float32, in their shape.
        share: of a `Moment`, as `slope` is.
    """

    def gradient(upstream: tf.Tensor) -> Any:
        through = tf.cast(upstream, scores.dtype) * tf.cast(value, scores.dtype)
        return None, through * slope, None, None

    # A product would leave -0.0 where a negative weight is left out.
    kept = value * tf.cast(share, value.dtype)
    return tf.where(share != 0, kept, tf.zeros_like(value)), gradient
