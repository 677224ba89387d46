"""Which weights of a Keras 3 model are pruned? Kernels of the kinds of tf_keras's.

A layer class's `get_prunable_weights` names its own, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from lth_keras import compat

# Kernels, never biases or normalisation parameters (1803.03635, section 1).
_KERNELS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("SeparableConv1D", "SeparableConv2D"),
        ("depthwise_kernel", "pointwise_kernel"),
    ),
    (("DepthwiseConv1D", "DepthwiseConv2D"), ("depthwise_kernel", "kernel")),
    (
        (
            "Dense",
            "EinsumDense",
            "Conv1D",
            "Conv2D",
            "Conv3D",
            "Conv1DTranspose",
            "Conv2DTranspose",
            "Conv3DTranspose",
        ),
        ("kernel",),
    ),
    (("LSTMCell", "GRUCell", "SimpleRNNCell"), ("kernel", "recurrent_kernel")),
)
_NORMALISATION = (
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
)


class Chosen(NamedTuple):
    """A weight that can be pruned.

    Attributes:
        variable: the weight.
        layer: the layer that names it.
        around: the layers around that, the nearest first; no models' own.
    """

    variable: Any
    layer: Any
    around: tuple[Any, ...]


def prunable(model: Any, embeddings: bool = False) -> list[Chosen]:
    """The weights that can be pruned, each once, in a fixed order.

    Args:
        model: built.
        embeddings: whether Embedding tables count.
    """
    found: dict[int, Chosen] = {}
    for each in _within(model, (), embeddings):
        found.setdefault(id(each.variable), each)
    return list(found.values())


def why_dense(layer: Any, variable: Any, trains: bool) -> str:
    """Why a weight is on no mask.

    Args:
        layer: the innermost layer that made it.
        variable: the weight.
        trains: whether it trains.
    """
    named = any(v is variable for v in _own(layer, embeddings=False))
    if named:
        if trains:
            return "left out (not held, excluded, or no rate)"
        return "frozen (trainable=False)"
    if isinstance(layer, compat.keras3().layers.Embedding):
        return "embedding (hold with embeddings=True)"
    if compat.is_layer(layer, _NORMALISATION):
        return "normalisation parameter, never pruned"
    if not variable.trainable:
        return "not trainable"
    if "bias" in variable.name or len(variable.shape) < 2:
        return "bias or other vector, never pruned"
    if compat.is_keras3_own(layer):
        return f"Keras layer class that is not pruned ({type(layer).__name__})"
    return "unknown layer class; give it get_prunable_weights"


def _within(layer: Any, around: tuple[Any, ...], embeddings: bool) -> Iterator[Chosen]:
    for variable in _own(layer, embeddings):
        yield Chosen(variable, layer, around)
    # Its kernel is computed anew from what is in it at each call.
    computed = isinstance(layer, compat.keras3().layers.SpectralNormalization)
    if _names_its_own(layer) or computed:
        return
    outer = around
    if around or not isinstance(layer, compat.keras3().Model):
        outer = (layer, *around)
    for part in compat.keras3_inner_layers(layer):
        yield from _within(part, outer, embeddings)


def _own(layer: Any, embeddings: bool) -> list[Any]:
    """The prunable weights that a layer itself names."""
    if _names_its_own(layer):
        return list(layer.get_prunable_weights())
    names: tuple[str, ...] = ()
    if embeddings and isinstance(layer, compat.keras3().layers.Embedding):
        names = ("embeddings",)
    elif type(layer).__name__ == "ConvLSTMCell":
        names = ("kernel", "recurrent_kernel")
    else:
        found = (names for kinds, names in _KERNELS if compat.is_layer(layer, kinds))
        names = next(found, ())
    trainable, _ = compat.keras3_own_weights(layer)
    return [v for v in trainable if v.name in names]


def _names_its_own(layer: Any) -> bool:
    return hasattr(type(layer), "get_prunable_weights")
