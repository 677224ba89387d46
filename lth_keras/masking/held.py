"""Masks held where a model has its weights, with no wrapper around its layers.

The masks of a layer's weights stand in one attribute of that layer, wherever it stands:
in a list, in a layer of the caller's, in a model that is written as a Python `call`.
Checkpoints hold them; `layer.weights` does not, so that code that goes over the weights
of two networks side by side, as for a teacher, finds them as before.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.masking import sites
from lth_keras.masking.freezing import FreezesPruned
from lth_keras.masking.places import Following, Place, Pruned
from lth_keras.masking.sites import Site
from lth_keras.masking.variables import MaskedConstraint, MaskedVariable
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.recipe import Recipe

_ATTRIBUTE = "lth_masks"
# What makes a new model of the same kind, where `hold` was told.
_BUILDERS: weakref.WeakKeyDictionary[keras.Model, Callable[[], keras.Model]] = (
    weakref.WeakKeyDictionary()
)


class HeldMasks(FreezesPruned, compat.Trackable):
    """The masks of weights that one layer holds.

    It is to these weights what a wrapper is to those of its layer.

    Args:
        name: of the layer.
        recipe: how the weights are pruned, with one rate for all.
        tied: a name that layers have in common whose filters go together; or "".

    Attributes:
        followed: for places among the masks of what goes with filters, the keys of the
            kernels of these.
    """

    left_dense: frozenset[int] = frozenset()

    def __init__(self, name: str, recipe: Recipe, tied: str = ""):
        # Not through setattr, by which checkpoints would hold what is no variable.
        self.__dict__.update(name=name, recipe=recipe, tied=tied)
        self.__dict__.update(pruning_vars=[], followed={})
        self.__dict__.update(_sites=[], _proxies=[], _frozen=[], _undo=[])

    @property
    def rate(self) -> RoundRate:
        """Share of these weights' survivors pruned per round."""
        return self.recipe.rates[0]

    def read_masks(self) -> list[np.ndarray]:
        """The masks as boolean arrays with the shapes of the weights."""
        found = (keras.backend.get_value(mask) for _, mask, _ in self.pruning_vars)
        return [np.asarray(mask) != 0 for mask in found]

    def take(
        self, site: Site, places: Sequence[Site], layers: Sequence[keras.layers.Layer]
    ) -> None:
        """Puts a weight on a mask of ones, wherever the model holds it.

        Args:
            site: where this layer holds the weight.
            places: everywhere that the model holds it.
            layers: those of the model whose losses may read it.
        """
        variable = site.variable
        raw = compat.raw_variable(variable)
        mask = self._variable(f"{site.attribute}_mask", raw, tf.ones)
        proxy = MaskedVariable(variable, mask)
        self.pruning_vars.append((variable, mask, None))
        self._sites.append(site)
        self._proxies.append(proxy)
        for place in places:
            self._undo.append((place.owner, place.attribute, place.variable))
            # Not through setattr, by which Keras would track it as a weight.
            place.owner.__dict__[place.attribute] = proxy
        for layer in layers:
            compat.rebind_losses(layer, variable, proxy)
        if variable.constraint is not None:
            masked = MaskedConstraint(variable.constraint, mask)
            compat.set_constraint(variable, masked)

    def let_go(self, layers: Sequence[keras.layers.Layer]) -> None:
        """Puts the weights back as they were held; their values stay.

        Args:
            layers: those of the model whose losses may read them.
        """
        for owner, attribute, variable in self._undo:
            owner.__dict__[attribute] = variable
        for (variable, _, _), proxy in zip(
            self.pruning_vars, self._proxies, strict=True
        ):
            for layer in layers:
                compat.rebind_losses(layer, proxy, variable)
            if isinstance(variable.constraint, MaskedConstraint):
                compat.set_constraint(variable, variable.constraint.own)

    def hold_frozen(self) -> None:
        for index in range(len(self._frozen), len(self.pruning_vars)):
            mask = self.pruning_vars[index][1]
            name = f"{self._sites[index].attribute}_frozen"
            self._frozen.append(self._variable(name, mask, tf.zeros))
            self._proxies[index].frozen = self._frozen[index]

    def drop_frozen(self) -> None:
        for site, proxy in zip(self._sites, self._proxies, strict=True):
            if self._frozen:
                delattr(self, f"{site.attribute}_frozen")
            proxy.frozen = None
        self._frozen.clear()

    def _variable(self, name: str, like: Any, fill: Callable[..., Any]) -> tf.Variable:
        made = tf.Variable(
            fill(like.shape, like.dtype),
            trainable=False,
            name=f"{self.name}/{name}",
            aggregation=tf.VariableAggregation.MEAN,
        )
        setattr(self, name, made)
        return made


def put(
    model: keras.Model,
    found: Sequence[Pruned],
    following: Sequence[Following],
    recipe: Recipe,
) -> None:
    """Puts weights of a model on masks of ones.

    Args:
        model: built, on no masks.
        found: the weights that are pruned.
        following: those that go with filters of these.
        recipe: how they are pruned.
    """
    # Walked once: a model may have hundreds of weights and of layers.
    places, layers = sites.places_of_all(model), compat.layers_with_losses(model)
    made: dict[int, HeldMasks] = {}
    of: dict[int, HeldMasks] = {}

    def take(place: Place, masks: HeldMasks) -> None:
        masks = made.setdefault(id(place.layer), masks)
        of[key := id(compat.raw_variable(place.variable))] = masks
        masks.take(Site(place.layer, place.name), places[key], layers)

    with model.distribute_strategy.scope():
        for place, rate, tied in found:
            own = dataclasses.replace(recipe, rates=(rate,))
            take(place, HeldMasks(place.layer.name, own, tied))
        for place, kernels in following:
            keys = [id(compat.raw_variable(kernel)) for kernel in kernels]
            take(place, HeldMasks(place.layer.name, of[keys[0]].recipe))
            masks = made[id(place.layer)]
            masks.followed[len(masks.pruning_vars) - 1] = keys
        owners = [each.place.layer for each in found]
        owners += [each.place.layer for each in following]
        for layer in owners:
            setattr(layer, _ATTRIBUTE, made[id(layer)])


def remove(model: keras.Model) -> None:
    """Takes all masks of a model away; its weights keep their values."""
    with_losses = compat.layers_with_losses(model)
    for layer in compat.layers_within(model):
        masks = of_layer(layer)
        if masks is not None:
            masks.let_go(with_losses)
            delattr(layer, _ATTRIBUTE)
    _BUILDERS.pop(model, None)


def of_layer(layer: keras.layers.Layer) -> HeldMasks | None:
    """The masks that a layer holds itself, or None."""
    found = vars(layer).get(_ATTRIBUTE)
    return found if isinstance(found, HeldMasks) else None


def within(layer: keras.layers.Layer) -> Iterator[HeldMasks]:
    """The masks of a layer and of those inside it."""
    for part in compat.layers_within(layer):
        masks = of_layer(part)
        if masks is not None:
            yield masks


def is_held(model: keras.Model) -> bool:
    """Whether weights of the model are on masks in place."""
    return any(True for _ in within(model))


def remember_builder(model: keras.Model, build: Callable[[], keras.Model]) -> None:
    """Keeps what makes a new model of the same kind, for as long as the model lives."""
    _BUILDERS[model] = build


def builder_of(model: keras.Model) -> Callable[[], keras.Model] | None:
    """What makes a new model of the same kind, where that was told."""
    return _BUILDERS.get(model)
