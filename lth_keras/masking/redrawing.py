"""The weights of any model on masks, newly drawn, for the control random_reinit."""

from __future__ import annotations

import numpy as np

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking import anew, held
from lth_keras.masking.network import Network
from lth_keras.masking.reinitialising import keeps_state, reinitialised
from lth_keras.masking.weights import trainable_in


def redrawn(model: keras.Model, seed: int) -> list[np.ndarray | None]:
    """The weights of a model, newly drawn; none of those that stay as they began.

    A model of a class of the caller's draws them from what `hold` was told (`build`),
    or from new layers of the configurations of Keras's own inside it.

    Args:
        model: a built model on masks.
        seed: decides every weight; no generator outside is touched.

    Returns:
        An array for each weight of the network, or None.

    Raises:
        LotteryError: names what cannot be drawn again, and the way out.
    """
    if type(model) in compat.keras_classes() and compat.is_functional(model):
        return [
            weight.read() for weight in Network.of(reinitialised(model, seed)).weights
        ]
    weights, build = Network.of(model).weights, held.builder_of(model)
    with compat.seeded(seed):
        found = anew.drawn(
            weights, build, lambda: _drawn(model), lambda: _staying(model)
        )
    return anew.complete(weights, found, trainable_in(model))


def _drawn(model: keras.Model) -> dict[int, np.ndarray]:
    """New values of weights, by identity, as far as layers can be made anew."""
    found: dict[int, np.ndarray] = {}

    def visit(layer: keras.layers.Layer) -> None:
        if keeps_state(layer):
            return
        fresh = _made_anew(layer)
        if fresh is None:
            for inner in compat.layers_directly_inside(layer):
                visit(inner)
            return
        for old, new in zip(
            compat.weights_if_all_trained(layer),
            compat.weights_if_all_trained(fresh),
            strict=True,
        ):
            found[id(compat.raw_variable(old))] = keras.backend.get_value(new)

    visit(model)
    return found


def _made_anew(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """A new layer of the same configuration and weights; None if there is none."""
    shape = (layer.get_build_config() or {}).get("input_shape")
    if isinstance(layer, keras.Model) or not layer.built or shape is None:
        return None
    try:
        fresh = type(layer).from_config(anew.without_seeds(layer.get_config()))
        fresh.build(shape)
    except Exception:  # Whatever a layer of the caller's raises.
        return None
    shapes = [
        [tuple(v.shape) for v in compat.weights_if_all_trained(each)]
        for each in (layer, fresh)
    ]
    return fresh if shapes[0] == shapes[1] else None


def _staying(model: keras.Model) -> set[int]:
    """Identities of the weights of layers that are frozen, or adapted to data."""
    return {
        id(compat.raw_variable(variable))
        for layer in compat.layers_within(model)
        if keeps_state(layer)
        for variable in layer.weights
    }
