"""Where does a layer keep its prunable weights?

A site is the attribute of a layer (or of a layer inside it) that holds a kernel: the
wrapper puts its masked read there. A weight that a layer (also) keeps in a list or dict
cannot be given one, and is not prunable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf

from lth_keras.arguments import count, listed
from lth_keras.compat import is_bookkeeping, keras, layers_within, raw_variable
from lth_keras.masking import kinds


@dataclasses.dataclass(frozen=True)
class Site:
    """One prunable weight: `getattr(owner, attribute)` is the variable."""

    owner: keras.layers.Layer
    attribute: str

    @property
    def variable(self) -> Any:
        return getattr(self.owner, self.attribute)


def sites(
    layer: keras.layers.Layer, embeddings: bool = False, deep: bool = True
) -> list[Site]:
    """The prunable weights of a built layer, each once, in a fixed order.

    A weight that an attribute does not hold, or that a list or dict holds too, is
    left out: see `unreachable`.

    Args:
        layer: a built layer.
        embeddings: whether Embedding tables count as prunable.
        deep: whether layers inside those of the caller's own classes are looked into.
    """
    listed = _in_collections(layers_within(layer))
    candidates = _candidates(layer, embeddings, deep)
    found = {id(raw_variable(site.variable)): site for site in candidates}
    return [site for key, site in found.items() if key not in listed]


def in_model(model: keras.Model, embeddings: bool = False) -> list[Site]:
    """The prunable weights of a whole built model, each once, in a fixed order.

    A list of another layer or of the model may hold them too, as for an optimizer: the
    layer that has the weight reads its own attribute.

    Args:
        model: of any class.
        embeddings: whether Embedding tables count as prunable.
    """
    found: dict[int, Site] = {}
    for site in _candidates(model, embeddings):
        key = id(raw_variable(site.variable))
        if key not in found and key not in _in_collections([site.owner]):
            found[key] = site
    return list(found.values())


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


def frozen_inside(
    layer: keras.layers.Layer, embeddings: bool = False, deep: bool = True
) -> set[int]:
    """Positions among `sites` of what does not train, in a layer that does.

    Empty for a layer without any weight that trains: it is frozen as a whole.
    """
    trains = {id(raw_variable(v)) for v in layer.trainable_weights}
    found = [id(raw_variable(s.variable)) for s in sites(layer, embeddings, deep)]
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
    listed = _in_collections(layers_within(layer))
    wanted = [site.variable for site in _candidates(layer, embeddings=True)]
    if kinds.names_its_own(layer):
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


def places_of_all(model: keras.Model) -> dict[int, list[Site]]:
    """The `places` of every variable, by the identity of the raw one."""
    found: dict[int, list[Site]] = {}
    for site in _variables(model):
        found.setdefault(id(raw_variable(site.variable)), []).append(site)
    return found


def _named(layer: keras.layers.Layer) -> list[Any]:
    return list(type(layer).get_prunable_weights(layer))


def _candidates(
    layer: keras.layers.Layer, embeddings: bool, deep: bool = True
) -> Iterator[Site]:
    if kinds.names_its_own(layer):
        held = {id(raw_variable(site.variable)): site for site in _variables(layer)}
        for variable in _named(layer):
            if id(raw_variable(variable)) in held:
                yield held[id(raw_variable(variable))]
        return
    for attribute in kinds.attributes(layer, embeddings):
        # A subclass may compute its kernel: a property is no place for a proxy.
        if isinstance(vars(layer).get(attribute), tf.Variable):
            yield Site(layer, attribute)
    if deep or kinds.is_known(layer):
        for inner in kinds.parts(layer):
            yield from _candidates(inner, embeddings, deep)


def _variables(layer: keras.layers.Layer) -> Iterator[Site]:
    """Every attribute of the layer or of a layer inside it that is a variable."""
    for owner in layers_within(layer):
        for name, value in vars(owner).items():
            if isinstance(value, tf.Variable):
                yield Site(owner, name)


def _in_collections(owners: Iterable[keras.layers.Layer]) -> set[int]:
    """Identities of the variables in lists and dicts that a layer's author made."""
    pending = [
        value
        for owner in owners
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
