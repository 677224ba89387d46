"""Criteria of initial and trained weights.

Names and formulas: "Deconstructing Lottery Tickets" (1905.01067), table 1. `w_i` is a
weight's initial value and `w_f` its trained one.
"""

from __future__ import annotations

import numpy as np

from lth_keras.pruning.criteria.registry import Array, Generator, register


def _scaled(values: np.ndarray) -> np.ndarray:
    largest = values.max(initial=0)
    return values / largest if largest > 0 else values


@register("large_final", needs=(), elementwise=True)
@register("magnitude", needs=(), elementwise=True)
def magnitude(initial: Array, trained: Array, rng: Generator) -> Array:
    """|w_f|: keeps large trained weights (1803.03635; `large_final`)."""
    return np.abs(trained)


@register("small_final", needs=(), elementwise=True)
def small_final(initial: Array, trained: Array, rng: Generator) -> Array:
    """-|w_f|."""
    return -np.abs(trained)


@register("large_init", elementwise=True)
def large_init(initial: Array, trained: Array, rng: Generator) -> Array:
    """|w_i|."""
    return np.abs(initial)


@register("small_init", elementwise=True)
def small_init(initial: Array, trained: Array, rng: Generator) -> Array:
    """-|w_i|."""
    return -np.abs(initial)


@register("magnitude_increase", elementwise=True)
def magnitude_increase(initial: Array, trained: Array, rng: Generator) -> Array:
    """|w_f| - |w_i|."""
    return np.abs(trained) - np.abs(initial)


@register("movement", elementwise=True)
def movement(initial: Array, trained: Array, rng: Generator) -> Array:
    """|w_f - w_i|."""
    return np.abs(trained - initial)


@register("large_init_large_final")
def large_init_large_final(initial: Array, trained: Array, rng: Generator) -> Array:
    """min(|w_f|, |w_i|), each scaled by its largest value in the weight."""
    return np.minimum(_scaled(np.abs(trained)), _scaled(np.abs(initial)))


@register("small_init_small_final")
def small_init_small_final(initial: Array, trained: Array, rng: Generator) -> Array:
    """-max(|w_f|, |w_i|), each scaled by its largest value in the weight."""
    return -np.maximum(_scaled(np.abs(trained)), _scaled(np.abs(initial)))


@register("movement_pruning", elementwise=True)
def movement_pruning(initial: Array, trained: Array, rng: Generator) -> Array:
    """w_f^2 - w_i^2: keeps what training moved away from 0 (2005.07683, equation 3).

    Movement pruning adds up -w dL/dw over the steps. Under gradient descent of small
    steps that is the integral of w dw, up to the learning rate: half of this.
    """
    return trained**2 - initial**2


@register("random", needs=())
def random(initial: Array, trained: Array, rng: Generator) -> Array:
    """Uniform scores from `rng`: a random mask of the same density."""
    return rng.random(np.shape(trained))
