"""Why is a weight on no mask, and did the caller ask for that?"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking import kinds, sites
from lth_keras.masking.wrappers import PruneByLevel

_NORMALISATION = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)


class Reason(NamedTuple):
    """Why a weight has no mask.

    Attributes:
        text: for the table.
        asked: whether the caller asked for it (left out, frozen) or not (a kernel in a
            layer that is not known); None for what is no kernel, or has a mask.
    """

    text: str
    asked: bool | None = None


class Reasons:
    """Why weights of one layer have no mask: what it holds is looked for once.

    Args:
        layer: the layer of the model that holds them.
        inner: the layer that this one wraps, or itself.
    """

    def __init__(self, layer: keras.layers.Layer, inner: keras.layers.Layer):
        self._layer, self._inner = layer, inner

    def why_dense(self, weight: Any, trainable: bool) -> Reason:
        """Why a weight has no mask.

        Args:
            weight: the variable.
            trainable: whether it trains.
        """
        inner, key = self._inner, id(compat.raw_variable(weight))
        if key in self._unreachable:
            return Reason(
                "kept in a list or dict; make it an attribute of its layer", False
            )
        if key in self._prunable:
            if not trainable:
                return Reason("frozen (trainable=False)", True)
            if isinstance(self._layer, PruneByLevel):
                return Reason(
                    "not on a mask; it was frozen when the model was wrapped", True
                )
            return Reason("left out (not wrapped, excluded, or no rate)", True)
        if key in self._embeddings:
            return Reason("embedding (wrap with embeddings=True)")
        around = self._around.get(key, [])
        # The innermost, and what is around it in `inner`.
        owner = around[-1] if around else inner
        if isinstance(owner, _NORMALISATION):
            return Reason("normalisation parameter, never pruned")
        for part in around:
            if isinstance(part, kinds.REPARAMETRISED):
                return _of_keras(part)
        if isinstance(owner, keras.layers.PReLU):
            return _of_keras(owner)
        if not weight.trainable:
            return Reason("not trainable")
        if kinds.supports(inner):
            if "bias" in weight.name.split("/")[-1] or len(weight.shape) < 2:
                return Reason("bias or other vector, never pruned")
            return Reason(
                "no kernel that is known; name it in get_prunable_weights", False
            )
        if not inner.trainable_weights:
            return Reason("not trainable")
        if type(inner).__module__.split(".")[0] == "tf_keras":
            return _of_keras(inner)
        return Reason("unknown layer class; give it get_prunable_weights", False)

    @functools.cached_property
    def _unreachable(self) -> set[int]:
        return _keys(sites.unreachable(self._inner))

    @functools.cached_property
    def _prunable(self) -> set[int]:
        return _keys(site.variable for site in sites.sites(self._inner))

    @functools.cached_property
    def _embeddings(self) -> set[int]:
        found = sites.sites(self._inner, embeddings=True)
        return _keys(site.variable for site in found)

    @functools.cached_property
    def _around(self) -> dict[int, list[keras.layers.Layer]]:
        """The layers that hold each weight, outer before inner; no models."""
        found: dict[int, list[keras.layers.Layer]] = {}
        for part in compat.layers_within(self._inner):
            if not isinstance(part, keras.Model):
                for key in _keys(part.weights):
                    found.setdefault(key, []).append(part)
        return found


def _keys(variables: Iterable[Any]) -> set[int]:
    """Identities of the raw variables."""
    return {id(compat.raw_variable(variable)) for variable in variables}


def _of_keras(layer: keras.layers.Layer) -> Reason:
    return Reason(
        f"Keras layer class that is not pruned ({type(layer).__name__})",
        None if isinstance(layer, keras.layers.PReLU) else False,
    )
