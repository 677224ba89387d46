"""Which rule a call of a layer follows, or why the layer is left as it is."""

from __future__ import annotations

from typing import Any

from lth_keras import compat
from lth_keras.compacting.activations import is_elementwise
from lth_keras.compacting.channelwise import Depthwise, Lookup, Normalisation
from lth_keras.compacting.graph import Call, Gather, Rule, positions
from lth_keras.compacting.shapes import (
    Concatenating,
    Flattening,
    Joining,
    Passing,
    Reshaping,
)
from lth_keras.compacting.weighted import Weighted
from lth_keras.compat import keras

layers = keras.layers


def _classes(names: str, ranks: str = "") -> set[type]:
    endings = [f"{rank}D" for rank in ranks] or [""]
    return {getattr(layers, name + end) for name in names.split() for end in endings}


_CONVOLUTIONS = _classes("Conv", "123")
_TRANSPOSED = {layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose}
_NORMALISATIONS = _classes("BatchNormalization")
_PASSING = {
    *_classes("ActivityRegularization AlphaDropout GaussianDropout GaussianNoise"),
    *_classes("SpatialDropout MaxPooling AveragePooling", "123"),
    *_classes("GlobalMaxPooling GlobalAveragePooling", "123"),
    *_classes("Cropping UpSampling", "123"),
}
_FUNCTIONS = _classes("ReLU LeakyReLU ELU ThresholdedReLU")
_PADDING = _classes("ZeroPadding", "123")
_JOINING = _classes("Average Maximum Minimum Multiply Subtract")


def rule_of(call: Call, gather: Gather) -> tuple[Rule | None, str]:
    """The rule of a call, or None and the reason.

    Args:
        call: the call.
        gather: which inputs that a dense layer does not use are taken out.
    """
    layer, kind = call.layer, type(call.layer).__name__
    if call.times > 1:
        return None, f"it is called {call.times} times"
    if not call.plain:
        return None, f"{kind} is called with other things than tensors"
    if getattr(layer, "data_format", None) == "channels_first":
        return None, "its data_format is channels_first"
    found = _of_weighted(call, gather) or _of_shapes(call)
    if found is None:
        return None, f"{kind} is not a layer that compact knows"
    return (None, found) if isinstance(found, str) else (found, "")


def _of_weighted(call: Call, gather: Gather) -> Rule | str | None:
    layer: Any = call.layer
    kind = type(layer)
    if kind is layers.Embedding:
        return Lookup()
    if any(tensor.shape.rank < 2 or not tensor.shape[-1] for tensor in call.inputs):
        return "the width of its input is not known"
    if kind is layers.Dense:
        return Weighted(gather=gather)
    if kind in _NORMALISATIONS:
        last = call.inputs[0].shape.rank - 1
        return Normalisation() if list(layer.axis) == [last] else "its axis is not last"
    if kind in _TRANSPOSED:
        # Even without padding, the borders are reached by fewer inputs.
        return Weighted(padded=True, transposed=True)
    if kind in _CONVOLUTIONS:
        if layer.groups > 1:
            return f"groups={layer.groups} ties its channels to each other"
        return Weighted(padded=_padded(layer))
    if kind is layers.DepthwiseConv2D or kind is layers.DepthwiseConv1D:
        if layer.depth_multiplier > 1:
            return f"depth_multiplier={layer.depth_multiplier} ties its channels"
        if not is_elementwise(layer.activation):
            return "its activation may mix its channels"
        return Depthwise(_padded(layer))
    return None


def _of_shapes(call: Call) -> Rule | str | None:
    layer: Any = call.layer
    kind = type(layer)
    given = [tuple(tensor.shape) for tensor in call.inputs]
    if kind in _PASSING:
        return Passing()
    if kind is layers.Dropout:
        shaped = layer.noise_shape is not None
        return "its noise_shape ties its channels" if shaped else Passing()
    if kind in _PADDING:
        return Passing(borders=True)
    if kind in _FUNCTIONS:
        return Passing(function=True)
    if kind is layers.Activation:
        if is_elementwise(layer.activation):
            return Passing(function=True)
        return "its activation may mix channels"
    if kind in (layers.Flatten, layers.Reshape):
        return _of_reshaping(call)
    joins = kind in (layers.Concatenate, layers.Add) or kind in _JOINING
    if joins and any(compat.has_mask(tensor) for tensor in call.inputs):
        # It may come by the very input that is not needed for its values.
        return "a mask of time steps passes through it"
    if kind is layers.Concatenate:
        if layer.axis in (-1, len(given[0]) - 1):
            return Concatenating()
        return Joining(values=True)
    if kind is layers.Add or kind in _JOINING:
        if len({shape[-1] for shape in given}) > 1 or len({*map(len, given)}) > 1:
            return "it broadcasts its inputs"
        # Dropping an input of another size would change the size of the sum.
        return Joining(adds=kind is layers.Add and len(set(given)) == 1)
    return None


def _of_reshaping(call: Call) -> Rule | str | None:
    given, made = call.inputs[0].shape, call.outputs[0].shape
    if made.rank == 2 and None not in tuple(given)[1:]:
        return Flattening(positions(given))
    if type(call.layer) is layers.Reshape and made[-1] == given[-1]:
        return Reshaping()
    return "it moves channels"


def _padded(layer: Any) -> bool:
    return layer.padding != "valid" and any(size > 1 for size in layer.kernel_size)
