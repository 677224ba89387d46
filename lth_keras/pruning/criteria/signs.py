"""Criteria that keep no weight whose sign training has turned.

`large_final_same_sign` is `large_final` among the weights whose sign is what it was:
the `_same_sign` variants of "Deconstructing Lottery Tickets" (1905.01067, section 5),
and one of `movement_pruning`.
"""

from __future__ import annotations

import numpy as np

from lth_keras.pruning.criteria import weights
from lth_keras.pruning.criteria.registry import (
    Array,
    Function,
    Generator,
    of,
    register,
)

_SIGNED: dict[str, Function] = {
    "large_final": weights.magnitude,
    "small_final": weights.small_final,
    "large_init": weights.large_init,
    "small_init": weights.small_init,
    "magnitude_increase": weights.magnitude_increase,
    "movement": weights.movement,
    "movement_pruning": weights.movement_pruning,
    "large_init_large_final": weights.large_init_large_final,
    "small_init_small_final": weights.small_init_small_final,
}


def _add(name: str, score: Function) -> None:
    @register(f"{name}_same_sign", elementwise=of(name).elementwise)
    def same_sign(initial: Array, trained: Array, rng: Generator) -> Array:
        kept = np.sign(initial) * np.sign(trained) > 0
        # Below every score, and equal: of these the last ones go first.
        return np.where(kept, score(initial, trained, rng), -np.inf)

    formula = (score.__doc__ or "").partition(":")[0].rstrip(".")
    same_sign.__doc__ = (
        f"{formula}; -inf where the sign is not what it was (1905.01067, section 5)."
    )


for _name, _score in _SIGNED.items():
    _add(_name, _score)
