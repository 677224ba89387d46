"""What whole filters ask of a tf_keras model whose masks are put in place."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking import channels, choosing, feeds, heads, kinds, sites
from lth_keras.masking.filters_in_place import Reading, no_graph
from lth_keras.masking.places import Place


def reading(model: keras.Model) -> Reading:
    """What is read of a model.

    Raises:
        LotteryError: it is no graph of layers.
    """
    if not compat.is_called_by_keras(model):
        raise no_graph(model)
    within: dict[int, keras.layers.Layer] = {}
    for leaf in choosing.leaves(model):
        for layer in compat.layers_within(leaf):
            within.setdefault(id(layer), leaf)
    return Reading(
        within,
        heads.last(model, kinds.supports),
        channels.of(feeds.parts(model)),
        _kernels,
        _vectors,
        lambda variable: id(compat.raw_variable(variable)),
    )


def _kernels(layer: keras.layers.Layer) -> list[Place]:
    found = sites.sites(layer)
    return [Place(site.owner, site.attribute, site.variable) for site in found]


def _vectors(layer: keras.layers.Layer, names: Sequence[str]) -> list[Place]:
    held = ((name, vars(layer).get(name)) for name in names)
    return [
        Place(layer, name, variable)
        for name, variable in held
        if isinstance(variable, tf.Variable) and len(variable.shape) == 1
    ]
