"""What goes with filters of a Keras 3 model, and which layers lose the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking import channels, filters
from lth_keras.masking.channels import Part
from lth_keras.masking.filters import Choice
from lth_keras.masking.native import heads
from lth_keras.masking.native.choosing import Chosen, prunable
from lth_keras.pruning.counts import RoundRate
from lth_keras.pruning.granularities import Tensor
from lth_keras.pruning.recipe import Recipe


class Pruned(NamedTuple):
    """A weight that is pruned.

    Attributes:
        chosen: the weight, and whose it is.
        rate: share of its surviving units pruned per round, or in each of some.
        tied: a name that weights have in common whose filters go together; or "".
    """

    chosen: Chosen
    rate: RoundRate
    tied: str = ""


class Following(NamedTuple):
    """A weight that goes with filters.

    Attributes:
        variable: the weight.
        layer: whose it is.
        kernels: the weights with whose filters it goes.
    """

    variable: Any
    layer: Any
    kernels: tuple[Any, ...]


def hidden(model: Any, found: Sequence[Pruned]) -> list[Pruned]:
    """The weights that are not of output layers, whose units the model puts out.

    Raises:
        LotteryError: the model is no graph of layers.
    """
    within, _ = _leaves(model)
    last = {id(layer) for layer in heads.last(model)}
    return [each for each in found if id(within[id(each.chosen.layer)]) not in last]


def settled(
    model: Any, recipe: Recipe, found: Sequence[Pruned]
) -> tuple[list[Pruned], list[Following]]:
    """The weights whose filters are pruned, as sums allow it, and what goes with them.

    Args:
        model: a graph of layers.
        recipe: how it is pruned.
        found: the weights of hidden layers that have a rate.

    Raises:
        LotteryError: layers that are pruned together have several rates.
    """
    within, graph = _leaves(model)
    keys = {id(each.chosen.variable) for each in found}

    def fitting(layer: Any, source: Any) -> bool:
        *_, (kernel, owner, _) = prunable(source)
        path, kind = f"{owner.name}/{kernel.name}", type(owner).__name__
        tensor = Tensor(path, kind, tuple(kernel.shape))
        return id(kernel) in keys and filters.fits(layer, tensor, recipe.rule)

    choices: dict[int, Choice] = {}
    for each in found:
        leaf = within[id(each.chosen.layer)]
        choices.setdefault(id(leaf), Choice(each.rate))
    leaves = {id(leaf): leaf for leaf in within.values()}
    known = channels.of(_parts(model, graph, {}))
    choices = filters.settled(choices, leaves.values(), known, recipe, fitting)
    kept = []
    for each in found:
        choice = choices.get(id(within[id(each.chosen.layer)]))
        if choice is not None:
            kept.append(each._replace(tied=choice.tied))
    behind = [
        (leaves[key], [prunable(source)[-1].variable for source in choice.follows])
        for key, choice in choices.items()
        if choice.follows
    ]
    return kept, [*_biases(kept), *_normalisations(behind)]


def _biases(kept: Iterable[Pruned]) -> Iterator[Following]:
    # Of several kernels, as a separable convolution has, the last puts out.
    last = {id(each.chosen.layer): each.chosen for each in kept}
    for kernel, layer, _ in last.values():
        for variable in _vectors(layer, ("bias",)):
            yield Following(variable, layer, (kernel,))


def _normalisations(behind: Iterable[tuple[Any, list[Any]]]) -> Iterator[Following]:
    for layer, kernels in behind:
        for variable in _vectors(layer, ("gamma", "beta")):
            yield Following(variable, layer, tuple(kernels))


def _vectors(layer: Any, names: tuple[str, ...]) -> list[Any]:
    own = (v for part in compat.keras3_own_weights(layer) for v in part)
    return [v for v in own if v.name in names and len(v.shape) == 1]


def _leaves(model: Any) -> tuple[dict[int, Any], compat.Graph]:
    """For every layer the one of the graph that it stands in, by identity."""
    graph = compat.keras3_graph(model)
    if graph is None:
        raise LotteryError(
            f"{type(model).__name__} is no graph of layers, and where the outputs of a "
            "layer lead, which go with whole filters, nobody knows: build it as a "
            "Sequential or Functional model, or prune by granularity 'weight', 'row', "
            "blocks or n:m."
        )
    found: dict[int, Any] = {}
    for leaf in _called(graph):
        for layer in compat.keras3_layers_within(leaf):
            found.setdefault(id(layer), leaf)
    return found, graph


def _called(graph: compat.Graph) -> Iterator[Any]:
    for call in graph.calls:
        if call.inside is not None:
            yield from _called(call.inside)
        elif compat.is_keras3_layer(call.layer):
            yield call.layer


def _parts(model: Any, graph: compat.Graph, found: dict[int, Part]) -> Iterable[Part]:
    """A model and those inside it, each once."""
    # What comes into a model stands in for itself: it is no layer that loses filters.
    makers = {tensor: tensor for tensor, _ in graph.inputs}
    layers = dict.fromkeys(makers, model)
    feeds: dict[str, list[str]] = {}
    found[id(model)] = Part(layers, feeds)
    for call in graph.calls:
        name = call.layer.name
        layers[name] = call.layer
        feeds.setdefault(name, []).extend(makers[tensor] for tensor in call.inputs)
        makers.update((tensor, name) for tensor, _ in call.outputs)
        if call.inside is not None and id(call.layer) not in found:
            _parts(call.layer, call.inside, found)
    return found.values()
