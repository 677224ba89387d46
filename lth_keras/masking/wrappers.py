"""The PruneLowMagnitude subclass that keeps a layer's weights on a mask.

It differs from its parent in what it leaves alone: masks change only between two
`fit` calls, weights are written by nobody but the optimizer, and the layer's name,
dtype, Keras mask, state and regularisers stay as they were.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.arguments import instance, switch
from lth_keras.compat import (
    InfersByItsLayer,
    PruneLowMagnitude,
    RestoresItsLayer,
    keras,
)
from lth_keras.errors import LotteryError
from lth_keras.masking import kinds
from lth_keras.masking import sites as prunable
from lth_keras.masking.counting import CountsItsLayer
from lth_keras.masking.freezing import FreezesPruned
from lth_keras.masking.schedules import IterativePruning
from lth_keras.masking.variables import MaskedConstraint, MaskedVariable
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularity import Tensor
from lth_keras.pruning.recipe import Recipe


@keras.utils.register_keras_serializable("lth_keras")
class PruneByLevel(
    FreezesPruned,
    CountsItsLayer,
    InfersByItsLayer,
    RestoresItsLayer,
    PruneLowMagnitude,
):
    """A layer whose prunable weights are held on masks that change by level.

    Args:
        layer: a layer for which `kinds.supports` holds, built or not.
        pruning_schedule: holds the pruning rate of this layer.
        scope: "layer" or "global": whether `lth.prune` ranks this layer's weights
            alone or with those of all global layers.
        criterion: name of the score function.
        embeddings: whether an Embedding's table is pruned.
        signature: from a configuration, what the layer was called with, if its
            weights come into being only then.
        granularity: what is kept or pruned as one.
        left_dense: positions, among the layer's prunable weights, of those that get no
            mask; by default those that are frozen inside the layer when it is built.
        where: of filters that a network adds, which are pruned; see `lth.wrap`.
        tied: a name that layers have in common whose filters go together.
        follows: of a batch normalisation, the layers with whose filters its scale and
            offset go.
        deep: whether layers inside those of the caller's own classes are looked into;
            files of before this was so do not say it, and they are not.
        frozen: whether there are values that pruned weights are frozen at, as a file
            of such a model has them.
        **kwargs: Keras layer arguments; the name is the wrapped layer's by default.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        pruning_schedule: IterativePruning,
        scope: str = "layer",
        criterion: str = "magnitude",
        embeddings: bool = False,
        signature: list[Any] | None = None,
        granularity: str = "weight",
        left_dense: Iterable[int] | None = None,
        where: str = "each",
        tied: str = "",
        follows: str | Iterable[str] = "",
        frozen: bool = False,
        deep: bool = True,
        **kwargs: Any,
    ):
        instance("layer", layer, keras.layers.Layer, "a layer of tf_keras")
        instance(
            "pruning_schedule",
            pruning_schedule,
            IterativePruning,
            "lth.IterativePruning(rate)",
        )
        embeddings = switch("embeddings", embeddings)
        if not (follows or kinds.may_support(layer, embeddings)):
            raise LotteryError(
                f"layer {layer.name!r} ({type(layer).__name__}) has no weights that "
                "can be pruned: give it a get_prunable_weights method that returns "
                "them."
            )
        # Not through setattr, by which Keras would wrap what they hold.
        recipe = Recipe(criterion, granularity, scope, where=where).check()
        self.__dict__["_recipe"] = recipe
        names = [follows] if isinstance(follows, str) else list(follows)
        self.__dict__["_follows"] = [name for name in names if name]
        self.tied = tied
        self._embeddings, self._deep = embeddings, switch("deep", deep)
        self.__dict__["_left_dense"] = prunable.positions(left_dense)
        self.__dict__["_signature"] = signature
        self.__dict__["_own_weight_names"] = {}
        self.__dict__["_sites"] = []
        self.__dict__["_held"] = []
        self.__dict__["_proxies"] = []
        self.__dict__["_frozen"] = []
        self.__dict__["_begins_frozen"] = switch("frozen", frozen)
        name = kwargs.pop("name", layer.name)
        kwargs.setdefault("dtype", layer.dtype_policy)
        # The way a layer tells tfmot what to prune; its registry knows fewer.
        layer.get_prunable_weights = lambda: [site.variable for site in self._held]
        super().__init__(layer, pruning_schedule=pruning_schedule, **kwargs)
        compat.set_name(self, name)
        compat.silence_autocast(self)
        self.supports_masking = layer.supports_masking

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.pruning_obj is None:
            # Some layers (MultiHeadAttention) create their weights only when
            # called, and inside this layer's scope they would get other names.
            in_call = compat.builds_in_call(self.layer)
            if in_call:
                self.__dict__["_signature"] = compat.written_signature([args, kwargs])
            if (in_call or not self.layer.built) and not self.asks_its_layer(
                (args, kwargs)
            ):
                compat.call_in_scratch_graph(self.layer, args, kwargs)
            # The loader of SavedModels calls layers built that are not yet.
            self.built = False
        return super().__call__(*args, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            if self._signature:
                # A SavedModel is being loaded, and its masks go where they are now.
                arguments = compat.read_signature(self._signature)
                compat.call_in_scratch_graph(self.layer, *arguments)
            else:
                self.layer.build(input_shape)
                self.layer.built = True
        if self._left_dense is None:
            self.__dict__["_left_dense"] = prunable.frozen_inside(
                self.layer, self._embeddings, self._deep
            )
        self.__dict__["_sites"] = self.sites_in(self.layer)
        self.__dict__["_held"] = self.held_in(self.layer)
        for site in self._sites:
            path, kind = f"{self.name}/{site.attribute}", type(site.owner).__name__
            shape = tuple(site.variable.shape)
            self._recipe.check_tensor(Tensor(path, kind, shape))
        super().build(input_shape)
        self._install()
        # What makes its weights when it is called has been called.
        compat.forget_methods(self.layer)
        if self._begins_frozen:
            self.hold_frozen()

    def add_weight(self, name: str | None = None, **kwargs: Any) -> Any:
        # The parent gives all masks of a layer one name, which HDF5 files refuse.
        seen = self._own_weight_names.get(name or "", 0)
        self._own_weight_names[name or ""] = seen + 1
        return super().add_weight(name=f"{name}_{seen}" if seen else name, **kwargs)

    def _install(self) -> None:
        """Puts a masked read wherever the layer holds a prunable weight."""
        for variable, mask, _ in self.pruning_vars:
            proxy = MaskedVariable(variable, mask)
            self._proxies.append(proxy)
            for place in prunable.places(self.layer, variable):
                # Not through setattr, by which Keras would track it as a weight.
                place.owner.__dict__[place.attribute] = proxy
            for layer in compat.layers_within(self.layer):
                compat.rebind_losses(layer, variable, proxy)
            if variable.constraint is not None:
                compat.set_constraint(
                    variable, MaskedConstraint(variable.constraint, mask)
                )

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return self.layer(inputs, *args, **self.passed_on(kwargs))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.layer.compute_mask(inputs, mask)

    @property
    def stateful(self) -> bool:
        return bool(getattr(self.layer, "stateful", False))

    @stateful.setter
    def stateful(self, value: bool) -> None:
        layer = vars(self).get("layer")
        if layer is not None:
            layer.stateful = value

    def reset_states(self, *args: Any, **kwargs: Any) -> None:
        """Resets the states of a stateful recurrent layer."""
        self.layer.reset_states(*args, **kwargs)

    @property
    def sites(self) -> list[prunable.Site]:
        """Where the layer holds its pruned weights, in the order of the masks."""
        return list(self._sites)

    def sites_in(self, layer: keras.layers.Layer) -> list[prunable.Site]:
        """Where a layer made like the wrapped one holds what has a mask here."""
        found = prunable.sites(layer, self._embeddings, self._deep)
        return [site for i, site in enumerate(found) if i not in self.left_dense]

    def held_in(self, layer: keras.layers.Layer) -> list[prunable.Site]:
        """`sites_in`, and then where it holds what goes with the filters of these."""
        found = self.sites_in(layer)
        return [*found, *(s for s, _ in prunable.beside(layer, found, self._along))]

    @property
    def _along(self) -> str:
        """What goes with filters: "", "bias", or with another's, "normalisation"."""
        if self._follows:
            return "normalisation"
        return "bias" if self._recipe.rule.outputs else ""

    @property
    def followed(self) -> dict[int, list[tuple[str, int]]]:
        """For masks of what goes with filters, wrapper and place of their kernels."""
        kernels = len(self._sites)
        beside = prunable.beside(self.layer, self._sites, self._along)
        return {
            kernels + index: [(name, place) for name in self._follows or [self.name]]
            for index, (_, place) in enumerate(beside)
        }

    @property
    def left_dense(self) -> frozenset[int]:
        """Positions among the layer's prunable weights of those without a mask."""
        return frozenset(self._left_dense or ())

    @property
    def recipe(self) -> Recipe:
        """How this layer is pruned, with one rate for all its weights."""
        return dataclasses.replace(self._recipe, rates=(self.rate,))

    @property
    def scope(self) -> str:
        """Whether the layer's weights are ranked alone or with all others."""
        return self._recipe.scope

    @property
    def criterion(self) -> str:
        """Name of the score function."""
        return self._recipe.criterion

    @property
    def rate(self) -> RoundRate:
        """Share of this layer's surviving weights pruned per round, or in each."""
        return self.pruning_schedule.rate

    def read_masks(self) -> list[np.ndarray]:
        """The masks as boolean arrays with the shapes of the pruned weights."""
        return [mask.numpy() != 0 for _, mask, _ in self.pruning_vars]

    def get_build_config(self) -> None:
        # Weights come into being when the model around this layer is rebuilt, by a
        # call: some layers cannot be built from a shape.
        return None

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for stock in ("block_size", "block_pooling_type"):
            del config[stock]
        config.update(
            recipe=self._recipe.get_config(),
            embeddings=self._embeddings,
            deep=self._deep,
            signature=self._signature,
        )
        if self.tied:
            config["tied"] = self.tied
        if self._follows:
            several = len(self._follows) > 1
            config["follows"] = list(self._follows) if several else self._follows[0]
        if self._frozen:
            config["frozen"] = True
        if self._left_dense is None or self._left_dense:
            config["left_dense"] = self._left_dense and sorted(self._left_dense)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PruneByLevel:
        config = dict(config)
        schedule = config.pop("pruning_schedule")
        config["pruning_schedule"] = IterativePruning.from_config(schedule["config"])
        config |= Recipe.from_config(config).get_config()
        # Files that do not say so have a mask for each.
        config.setdefault("left_dense", [])
        config.setdefault("deep", False)
        layer = config.pop("layer")
        # Files of the old formats are read by the bare name, which is not registered.
        known = keras.saving.get_registered_object(layer.get("registered_name"))
        scope = {} if known is None else {layer["class_name"]: known}
        with keras.utils.custom_object_scope(scope):
            config["layer"] = keras.layers.deserialize(layer)
        return cls(**config)
