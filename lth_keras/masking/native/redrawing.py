"""The weights of a Keras 3 model, newly drawn, for the control random_reinit."""

from __future__ import annotations

from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.masking import anew
from lth_keras.masking.native.held import HeldModel
from lth_keras.masking.network import Network

# Layers that are given a state by `adapt`, which no initialiser draws.
_ADAPTED = (
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "Normalization",
    "StringLookup",
    "TextVectorization",
)


def redrawn(model: Any, seed: int) -> list[np.ndarray | None]:
    """The weights of a model, newly drawn; none of those that stay as they began.

    They are those of new layers of the same configuration, or of what `hold` was told
    makes a new model (`build`). Seeds that initialisers were given are disregarded:
    they would draw the same weights again.

    Args:
        model: a built Keras 3 model.
        seed: decides every weight; no generator outside is touched.

    Returns:
        An array for each weight of the network, or None.

    Raises:
        LotteryError: names what cannot be drawn again, and the way out.
    """
    weights, held = Network.of(model).weights, HeldModel.of(model)
    build = None if held is None else held.build
    with compat.keras3_seeded(seed):
        found = anew.drawn(
            weights, build, lambda: _drawn(model), lambda: _staying(model)
        )
    training = {id(variable) for variable in model.trainable_variables}
    return anew.complete(weights, found, training)


def _drawn(model: Any) -> dict[int, np.ndarray]:
    """New values of weights, by identity, as far as layers can be made anew."""
    found: dict[int, np.ndarray] = {}

    def visit(layer: Any) -> None:
        if _keeps_state(layer):
            return
        fresh = _made_anew(layer)
        if fresh is None:
            for inner in compat.keras3_inner_layers(layer):
                visit(inner)
            return
        for old, new in zip(layer.weights, fresh.weights, strict=True):
            found[id(old)] = compat.keras3_read(new)

    visit(model)
    return found


def _made_anew(layer: Any) -> Any:
    """A new layer of the same configuration and weights; None if there is none."""
    keras = compat.keras3()
    if isinstance(layer, keras.Model) or not layer.built or not layer.weights:
        return None
    try:
        fresh = type(layer).from_config(anew.without_seeds(layer.get_config()))
        fresh.build_from_config(layer.get_build_config())
    except Exception:  # Whatever a layer of the caller's raises.
        return None
    shapes = [[tuple(v.shape) for v in each.weights] for each in (layer, fresh)]
    return fresh if shapes[0] == shapes[1] else None


def _keeps_state(layer: Any) -> bool:
    """Whether a layer stays as it is: frozen, or preprocessing that was adapted."""
    layers = compat.keras3().layers
    kinds = tuple(getattr(layers, name) for name in _ADAPTED if hasattr(layers, name))
    return isinstance(layer, kinds) or not layer.trainable


def _staying(model: Any) -> set[int]:
    """Identities of the weights of layers that are frozen, or adapted to data."""
    return {
        id(variable)
        for layer in compat.keras3_layers_within(model)
        if _keeps_state(layer)
        for variable in layer.weights
    }
