"""Score functions and their registry: which weights deserve to stay.

A criterion is one function of a weight's initial and trained values; the highest
scores are kept. Whether they are ranked per layer or over the whole network is the
scope, a separate question. Names and formulas: "Deconstructing Lottery Tickets"
(1905.01067), table 1.

    @lth.criteria.register("my_rule")
    def my_rule(initial, trained, rng):
        return np.abs(trained) ** 2
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lth_keras.compat import LotteryError

Array = np.ndarray
Generator = np.random.Generator
Criterion = Callable[[Array, Array, Generator], Array]

_REGISTRY: dict[str, Criterion] = {}
_NEEDS_INITIAL: set[str] = set()


def register(name: str, needs_initial: bool = True) -> Callable[[Criterion], Criterion]:
    """Registers a score function under `name`.

    Args:
        name: what `wrap(criterion=...)` is given.
        needs_initial: whether the function reads the initial weights; one that does
            can only be used where they were captured.
    """

    def add(function: Criterion) -> Criterion:
        _REGISTRY[name] = function
        if needs_initial:
            _NEEDS_INITIAL.add(name)
        return function

    return add


def names() -> tuple[str, ...]:
    """The registered criteria, in alphabetical order."""
    return tuple(sorted(_REGISTRY))


def get(name: str) -> Criterion:
    """The score function called `name`.

    It maps (initial, trained, rng), two float arrays of one shape and a NumPy
    generator, to an array of scores of that shape.

    Raises:
        LotteryError: no such criterion.
    """
    if name not in _REGISTRY:
        raise LotteryError(
            f"criterion={name!r} is not known: use one of {', '.join(names())}."
        )
    return _REGISTRY[name]


def needs_initial(name: str) -> bool:
    """Whether the criterion reads the weights' initial values."""
    get(name)
    return name in _NEEDS_INITIAL


def _scaled(values: np.ndarray) -> np.ndarray:
    largest = values.max(initial=0)
    return values / largest if largest > 0 else values


@register("magnitude", needs_initial=False)
def magnitude(initial: Array, trained: Array, rng: Generator) -> Array:
    """|w_f|: keeps large trained weights (1803.03635; `large_final`)."""
    return np.abs(trained)


_REGISTRY["large_final"] = magnitude


@register("small_final", needs_initial=False)
def small_final(initial: Array, trained: Array, rng: Generator) -> Array:
    """-|w_f|."""
    return -np.abs(trained)


@register("large_init")
def large_init(initial: Array, trained: Array, rng: Generator) -> Array:
    """|w_i|."""
    return np.abs(initial)


@register("small_init")
def small_init(initial: Array, trained: Array, rng: Generator) -> Array:
    """-|w_i|."""
    return -np.abs(initial)


@register("magnitude_increase")
def magnitude_increase(initial: Array, trained: Array, rng: Generator) -> Array:
    """|w_f| - |w_i|."""
    return np.abs(trained) - np.abs(initial)


@register("movement")
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


@register("random", needs_initial=False)
def random(initial: Array, trained: Array, rng: Generator) -> Array:
    """Uniform scores from `rng`: a random mask of the same density."""
    return rng.random(np.shape(trained))
