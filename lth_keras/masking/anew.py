"""Weights newly drawn, of a model of either Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.masking.weight import Weight


def drawn(
    weights: Sequence[Weight],
    build: Callable[[], Any] | None,
    layers_anew: Callable[[], dict[int, np.ndarray]],
    staying: Callable[[], set[int]],
) -> dict[int, np.ndarray]:
    """New values of weights by their keys, as far as they are known.

    Args:
        weights: all of the model.
        build: what `hold` was told makes a new model, or None.
        layers_anew: f() -> the values, from layers that are made anew.
        staying: f() -> the keys of weights of layers that keep their state.

    Raises:
        LotteryError: `build` makes another model.
    """
    if build is None:
        return layers_anew()
    new = Network.of(build()).weights
    if [w.shape for w in new] != [w.shape for w in weights]:
        raise LotteryError(
            "build= of lth.hold makes a model of other weights than this one: it must "
            "return a new one of the same kind, built."
        )
    stays = staying()
    pairs = zip(weights, new, strict=True)
    return {w.key: n.read() for w, n in pairs if w.key not in stays}


def complete(
    weights: Sequence[Weight], found: dict[int, np.ndarray], training: set[int]
) -> list[np.ndarray | None]:
    """The values in the order of the weights; None of those that stay as they began.

    Args:
        weights: all of the model.
        found: what was drawn, by key.
        training: keys of the weights that train.

    Raises:
        LotteryError: names what trains and was not drawn, and the way out.
    """
    missing = [w.path for w in weights if w.key in training and w.key not in found]
    if missing:
        raise LotteryError(
            f"the initialisers of {', '.join(missing[:3])} are not known: give "
            "lth.hold(model, build=f), with f() -> a new, built model."
        )
    return [found.get(weight.key) for weight in weights]


def without_seeds(config: Any) -> Any:
    """A layer's configuration whose initialisers follow the seed that is set."""
    if isinstance(config, dict):
        return {
            key: None if key == "seed" else without_seeds(value)
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [without_seeds(value) for value in config]
    return config
