"""Which weights of a layer are prunable, and where the layer keeps them.

Kernels, never biases or normalisation parameters (1803.03635, section 1). A site is
the attribute of a layer (or of a layer inside it) that holds a kernel: the wrapper
puts its masked read there. A weight that a layer (also) keeps in a list or dict
cannot be given one, and is not prunable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras.arguments import count, listed
from lth_keras.compat import (
    ConvLSTMCell,
    is_bookkeeping,
    keras,
    layers_within,
    raw_variable,
)

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

# Layers that are looked into; any other layer that holds layers passes through.
_CONTAINERS = (
    _layers.RNN,
    _layers.StackedRNNCells,
    _layers.Bidirectional,
    _layers.TimeDistributed,
    _layers.MultiHeadAttention,
)


@dataclasses.dataclass(frozen=True)
class Site:
    """One prunable weight: `getattr(owner, attribute)` is the variable."""

    owner: keras.layers.Layer
    attribute: str

    @property
    def variable(self) -> Any:
        return getattr(self.owner, self.attribute)


def supports(layer: keras.layers.Layer, embeddings: bool = False) -> bool:
    """Whether the layer is of a kind whose weights this package prunes.

    Args:
        layer: built or not.
        embeddings: whether Embedding tables count as prunable.
    """
    if _names_its_own(layer):
        return True
    if isinstance(layer, _layers.MultiHeadAttention):
        return True  # its projections come into being only when it is called
    if isinstance(layer, _CONTAINERS):
        return any(_supports_within(inner, embeddings) for inner in _inside(layer))
    return bool(_attributes(layer, embeddings))


def _supports_within(layer: keras.layers.Layer, embeddings: bool) -> bool:
    if isinstance(layer, keras.Model) and not _names_its_own(layer):
        return any(_supports_within(inner, embeddings) for inner in layer.layers)
    return supports(layer, embeddings)


def sites(layer: keras.layers.Layer, embeddings: bool = False) -> list[Site]:
    """The prunable weights of a built layer, each once, in a fixed order.

    A weight that an attribute does not hold, or that a list or dict holds too, is
    left out: see `unreachable`.
    """
    listed = _in_collections(layer)
    found = {id(raw_variable(s.variable)): s for s in _candidates(layer, embeddings)}
    return [site for key, site in found.items() if key not in listed]


def beside(
    layer: keras.layers.Layer, kernels: list[Site], along: str
) -> list[tuple[Site, int]]:
    """What goes with the filters of kernels, each with the place of its kernel.

    Args:
        layer: a built layer.
        kernels: where it holds its kernels.
        along: "bias": the bias of each layer with kernels, one an output;
            "normalisation": scale and offset, of a kernel in another layer, its last.
            Nothing otherwise.
    """
    if along == "normalisation":
        found = [(Site(layer, "gamma"), -1), (Site(layer, "beta"), -1)]
    elif along == "bias":
        # Of several kernels, as a separable convolution has, the last puts out.
        last = {id(site.owner): place for place, site in enumerate(kernels)}
        found = [(Site(kernels[i].owner, "bias"), i) for i in last.values()]
    else:
        found = []
    return [
        (site, place)
        for site, place in found
        if isinstance(held := vars(site.owner).get(site.attribute), tf.Variable)
        and len(held.shape) == 1
    ]


def frozen_inside(layer: keras.layers.Layer, embeddings: bool = False) -> set[int]:
    """Positions among `sites` of what does not train, in a layer that does.

    Empty for a layer without any weight that trains: it is frozen as a whole.
    """
    trains = {id(raw_variable(v)) for v in layer.trainable_weights}
    found = [id(raw_variable(s.variable)) for s in sites(layer, embeddings)]
    frozen = {index for index, key in enumerate(found) if key not in trains}
    return frozen if len(frozen) < len(found) else set()


def positions(given: Any) -> set[int] | None:
    """A wrapper's `left_dense` as positions among `sites`; None where it is not known.

    Raises:
        LotteryError: it is something else.
    """
    if given is None:
        return None
    found = listed("left_dense", given, "a list of positions, such as [0]")
    return {count("left_dense", each, 0, "a position") for each in found}


def unreachable(layer: keras.layers.Layer) -> list[Any]:
    """Weights that would be pruned if an attribute, and no list or dict, held them."""
    listed = _in_collections(layer)
    wanted = [site.variable for site in _candidates(layer, embeddings=True)]
    if _names_its_own(layer):
        held = {id(raw_variable(site.variable)) for site in _variables(layer)}
        named = _named(layer)
        wanted += [v for v in named if id(raw_variable(v)) not in held]
    unique = {id(raw_variable(v)): v for v in wanted}
    reachable = {id(raw_variable(s.variable)) for s in sites(layer, embeddings=True)}
    return [v for key, v in unique.items() if key in listed or key not in reachable]


def places(layer: keras.layers.Layer, variable: Any) -> list[Site]:
    """Every attribute of the layer, or of a layer inside it, that is `variable`."""
    raw = raw_variable(variable)
    return [site for site in _variables(layer) if raw_variable(site.variable) is raw]


def _names_its_own(layer: keras.layers.Layer) -> bool:
    """Whether the layer's class says what to prune.

    Asked of the class: tfmot and our wrapper add the method to mere instances.
    """
    return hasattr(type(layer), "get_prunable_weights")


def _named(layer: keras.layers.Layer) -> list[Any]:
    return list(type(layer).get_prunable_weights(layer))


def _attributes(layer: keras.layers.Layer, embeddings: bool) -> tuple[str, ...]:
    if embeddings and isinstance(layer, _layers.Embedding):
        return ("embeddings",)
    for classes, attributes in _KERNELS:
        if isinstance(layer, classes):
            return attributes
    return ()


def _inside(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers directly inside one of `_CONTAINERS`."""
    if isinstance(layer, _layers.Bidirectional):
        return [layer.forward_layer, layer.backward_layer]
    if isinstance(layer, _layers.TimeDistributed):
        return [layer.layer]
    if isinstance(layer, _layers.RNN):
        return [layer.cell]
    if isinstance(layer, _layers.StackedRNNCells):
        return list(layer.cells)
    dense = [m for m in layers_within(layer) if isinstance(m, _layers.EinsumDense)]
    # The loader of SavedModels hands them over in another order than the layer makes.
    return sorted(dense, key=lambda inner: inner.name)


def _candidates(layer: keras.layers.Layer, embeddings: bool) -> Iterator[Site]:
    if _names_its_own(layer):
        held = {id(raw_variable(site.variable)): site for site in _variables(layer)}
        for variable in _named(layer):
            if id(raw_variable(variable)) in held:
                yield held[id(raw_variable(variable))]
    elif isinstance(layer, _CONTAINERS):
        for inner in _inside(layer):
            yield from _candidates(inner, embeddings)
    elif isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _candidates(inner, embeddings)
    else:
        for attribute in _attributes(layer, embeddings):
            # A subclass may compute its kernel: a property is no place for a proxy.
            if isinstance(vars(layer).get(attribute), tf.Variable):
                yield Site(layer, attribute)


def _variables(layer: keras.layers.Layer) -> Iterator[Site]:
    """Every attribute of the layer or of a layer inside it that is a variable."""
    for owner in layers_within(layer):
        for name, value in vars(owner).items():
            if isinstance(value, tf.Variable):
                yield Site(owner, name)


def _in_collections(layer: keras.layers.Layer) -> set[int]:
    """Identities of the variables in lists and dicts that a layer's author made."""
    pending = [
        value
        for owner in layers_within(layer)
        for name, value in vars(owner).items()
        if not isinstance(value, tf.Variable) and not is_bookkeeping(name)
    ]
    found, seen = set(), set()
    while pending:
        value = pending.pop()
        if isinstance(value, tf.Variable):
            found.add(id(raw_variable(value)))
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            pending.extend(value.values() if isinstance(value, dict) else value)
    return found
