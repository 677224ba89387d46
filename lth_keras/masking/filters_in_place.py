"""Which weights lose filters where masks are put in place, and what goes with them?

The same for both Keras, which each say what they read of a model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.masking import filters
from lth_keras.masking.channels import Channels
from lth_keras.masking.filters import Choice
from lth_keras.masking.places import Following, Place, Pruned
from lth_keras.pruning.granularities import Tensor
from lth_keras.pruning.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Reading:
    """What is read of a graph of layers.

    Attributes:
        within: for every layer, by identity, the layer of the graph that it stands in.
        last: identities of the layers of the graph whose units it puts out.
        channels: what adds and what normalises the channels of its layers.
        kernels: f(layer) -> the weights in it that can be pruned, in their order.
        vectors: f(layer, names) -> its own weights of these names and one dimension.
        key: f(variable) -> what it is known by.
    """

    within: dict[int, Any]
    last: set[int]
    channels: Channels
    kernels: Callable[[Any], list[Place]]
    vectors: Callable[[Any, Sequence[str]], list[Place]]
    key: Callable[[Any], int]

    def leaf(self, layer: Any) -> Any:
        """The layer of the graph that a layer stands in."""
        return self.within[id(layer)]

    def hidden(self, found: Iterable[Pruned]) -> list[Pruned]:
        """The weights of hidden layers.

        Units of the output layers are the model's outputs, and so may be those of
        layers that the graph does not call, as a `train_step` does.
        """
        called = [each for each in found if id(each.place.layer) in self.within]
        return [p for p in called if id(self.leaf(p.place.layer)) not in self.last]

    def settled(
        self, found: Sequence[Pruned], recipe: Recipe
    ) -> tuple[list[Pruned], list[Following]]:
        """The weights that lose filters, as sums allow it, and what goes with them.

        Args:
            found: the weights of hidden layers that have a rate.
            recipe: how the model is pruned.

        Raises:
            LotteryError: layers that are pruned together have several rates.
        """
        keys = {self.key(each.place.variable) for each in found}

        def fitting(layer: Any, source: Any) -> bool:
            *_, (owner, name, kernel) = self.kernels(source)
            path, kind = f"{owner.name}/{name}", type(owner).__name__
            tensor = Tensor(path, kind, tuple(kernel.shape))
            fits = filters.fits(layer, tensor, recipe.rule)
            return fits and self.key(kernel) in keys

        choices: dict[int, Choice] = {}
        for each in found:
            leaf = self.leaf(each.place.layer)
            choices.setdefault(id(leaf), Choice(each.rate))
        leaves = {id(leaf): leaf for leaf in self.within.values()}
        choices = filters.settled(
            choices, leaves.values(), self.channels, recipe, fitting
        )
        kept = []
        for each in found:
            choice = choices.get(id(self.leaf(each.place.layer)))
            if choice is not None:
                kept.append(each._replace(tied=choice.tied))
        behind = [(leaves[key], choice.follows) for key, choice in choices.items()]
        return kept, [*self._biases(kept), *self._normalisations(behind)]

    def _biases(self, kept: Iterable[Pruned]) -> Iterator[Following]:
        # Of several kernels, as a separable convolution has, the last puts out.
        last = {id(each.place.layer): each.place for each in kept}
        for layer, _, kernel in last.values():
            for place in self.vectors(layer, ("bias",)):
                yield Following(place, (kernel,))

    def _normalisations(
        self, behind: Iterable[tuple[Any, Sequence[Any]]]
    ) -> Iterator[Following]:
        for layer, sources in behind:
            kernels = tuple(self.kernels(source)[-1].variable for source in sources)
            for place in self.vectors(layer, ("gamma", "beta")) if kernels else ():
                yield Following(place, kernels)


def no_graph(model: Any) -> LotteryError:
    """What is said of a model that is no graph of layers."""
    return LotteryError(
        f"{type(model).__name__} is no graph of layers, and where the outputs of a "
        "layer lead, which go with whole filters, nobody knows: build it as a "
        "Sequential or Functional model, or prune by granularity 'weight', 'row', "
        "blocks or n:m."
    )
