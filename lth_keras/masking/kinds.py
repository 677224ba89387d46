"""Which kinds of layers hold kernels, and which layers stand inside a layer?

Kernels, never biases or normalisation parameters (1803.03635, section 1).
"""

from __future__ import annotations

from lth_keras.compat import ConvLSTMCell, keras, layers_directly_inside, layers_within

_layers = keras.layers

# First match wins, so that a class stands before what it might derive from.
_KERNELS: tuple[tuple[tuple[type, ...], tuple[str, ...]], ...] = (
    (
        (_layers.SeparableConv1D, _layers.SeparableConv2D),
        ("depthwise_kernel", "pointwise_kernel"),
    ),
    ((_layers.DepthwiseConv1D, _layers.DepthwiseConv2D), ("depthwise_kernel",)),
    (
        (
            _layers.Dense,
            _layers.EinsumDense,
            _layers.Conv1D,
            _layers.Conv2D,
            _layers.Conv3D,
            _layers.Conv1DTranspose,
            _layers.Conv2DTranspose,
            _layers.Conv3DTranspose,
            _layers.LocallyConnected1D,
            _layers.LocallyConnected2D,
        ),
        ("kernel",),
    ),
    (
        (_layers.LSTMCell, _layers.GRUCell, _layers.SimpleRNNCell, ConvLSTMCell),
        ("kernel", "recurrent_kernel"),
    ),
)

# Those of Keras that hold others.
_CONTAINERS = (
    _layers.RNN,
    _layers.StackedRNNCells,
    _layers.Bidirectional,
    _layers.TimeDistributed,
    _layers.MultiHeadAttention,
)
# Their kernel is computed anew from what is in it at each call.
REPARAMETRISED = (_layers.SpectralNormalization,)


def supports(layer: keras.layers.Layer, embeddings: bool = False) -> bool:
    """Whether the layer is of a kind whose weights this package prunes, or holds such.

    Args:
        layer: built or not.
        embeddings: whether Embedding tables count as prunable.
    """
    if names_its_own(layer):
        return True
    if isinstance(layer, _layers.MultiHeadAttention):
        return True  # its projections come into being only when it is called
    if attributes(layer, embeddings):
        return True
    return any(supports(inner, embeddings) for inner in parts(layer))


def may_support(layer: keras.layers.Layer, embeddings: bool = False) -> bool:
    """Whether `supports` holds, or can hold once the layer is built.

    A class of the caller's may make its layers in `build`.
    """
    own = type(layer).__module__.split(".")[0] != "tf_keras"
    return supports(layer, embeddings) or (own and not layer.built)


def names_its_own(layer: keras.layers.Layer) -> bool:
    """Whether the layer's class says what to prune.

    Asked of the class: tfmot and our wrapper add the method to mere instances.
    """
    return hasattr(type(layer), "get_prunable_weights")


def attributes(layer: keras.layers.Layer, embeddings: bool) -> tuple[str, ...]:
    """Names of the layer's own kernels; none of a layer of no such kind."""
    if embeddings and isinstance(layer, _layers.Embedding):
        return ("embeddings",)
    for classes, names in _KERNELS:
        if isinstance(layer, classes):
            return names
    return ()


def is_known(layer: keras.layers.Layer) -> bool:
    """Whether the layer is one of Keras's that hold others, and which is known."""
    return isinstance(layer, (*_CONTAINERS, keras.Model))


def parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers directly inside a layer whose kernels are looked for."""
    if isinstance(layer, _layers.Bidirectional):
        return [layer.forward_layer, layer.backward_layer]
    if isinstance(layer, _layers.TimeDistributed):
        return [layer.layer]
    if isinstance(layer, _layers.RNN):
        return [layer.cell]
    if isinstance(layer, _layers.StackedRNNCells):
        return list(layer.cells)
    if isinstance(layer, _layers.MultiHeadAttention):
        dense = [m for m in layers_within(layer) if isinstance(m, _layers.EinsumDense)]
        # The loader of SavedModels hands them over in another order than the layer
        # makes.
        return sorted(dense, key=lambda inner: inner.name)
    if isinstance(layer, keras.Model):
        return list(layer.layers)
    if isinstance(layer, REPARAMETRISED):
        return []
    return layers_directly_inside(layer)
