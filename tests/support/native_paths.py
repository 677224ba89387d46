"""Keras 3 models whose paths from input to output are counted one by one.

    KERAS_BACKEND=jax python -m tests.support.native_paths

Prints a JSON object: of each model what lies on a path by the count and is not found,
or is found and does not.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers as L  # noqa: N812

import lth_keras as lth
from lth_keras.masking import paths
from lth_keras.masking.network import Network

Node = Hashable


class Edge(NamedTuple):
    """From a channel to a channel, through an entry of a weight or through none."""

    start: Node
    end: Node
    entry: tuple[str, tuple[int, ...]] | None = None


def counted(edges: list[Edge], masks: dict[str, np.ndarray]) -> set[Any]:
    """The entries of weights that a path leads through.

    It begins at an ("in", ...) and ends at an ("out", ...).
    """
    kept = [e for e in edges if e.entry is None or masks[e.entry[0]][e.entry[1]]]

    @functools.cache
    def before(node: Any) -> int:
        own = int(node[0] == "in")
        return own + sum(before(edge.start) for edge in kept if edge.end == node)

    @functools.cache
    def after(node: Any) -> int:
        own = int(node[0] == "out")
        return own + sum(after(edge.end) for edge in kept if edge.start == node)

    return {
        edge.entry
        for edge in kept
        if edge.entry is not None and before(edge.start) * after(edge.end)
    }


def kernel(name: str, shape: tuple[int, ...], start: str, end: str) -> Iterator[Edge]:
    """The edges of a kernel whose last axes are inputs and outputs."""
    for entry in itertools.product(*map(range, shape)):
        yield Edge((start, entry[-2]), (end, entry[-1]), (name, entry))


def same(start: str, end: str, size: int, shift: int = 0) -> Iterator[Edge]:
    """From each of some channels to that of the same number."""
    for channel in range(size):
        yield Edge((start, channel), (end, channel + shift))


def chain() -> tuple[Any, list[Edge]]:
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            L.Conv2D(5, 3, padding="same", name="first"),
            L.BatchNormalization(),
            L.ReLU(),
            L.MaxPooling2D(),
            L.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise"),
            L.Conv2DTranspose(4, 2, strides=1, name="transposed"),
            L.Flatten(),
            L.Dense(6, "relu", name="hidden"),
            L.Dense(3, name="last"),
        ]
    )
    edges = list(kernel("first/kernel", (3, 3, 3, 5), "in", "a"))
    for y, x, i, k in itertools.product(range(2), range(2), range(5), range(2)):
        name = "depthwise/depthwise_kernel"
        edges.append(Edge(("a", i), ("b", 2 * i + k), (name, (y, x, i, k))))
    for y, x, o, i in itertools.product(range(2), range(2), range(4), range(10)):
        edges.append(Edge(("b", i), ("c", o), ("transposed/kernel", (y, x, o, i))))
    for place, channel in itertools.product(range(4), range(4)):
        edges.append(Edge(("c", channel), ("flat", 4 * place + channel)))
    edges += kernel("hidden/kernel", (16, 6), "flat", "d")
    edges += kernel("last/kernel", (6, 3), "d", "out")
    return model, edges


def branches() -> tuple[Any, list[Edge]]:
    """Sums, a concatenation, a model in the model, and two outputs."""
    inputs, entry = keras.Input((4, 4, 3)), keras.Input((4, 4, 4))
    inner = keras.Model(entry, L.ReLU()(L.Conv2D(4, 1, name="inside")(entry)))
    one = L.Conv2D(4, 1, name="one")(inputs)
    two = L.Conv2D(4, 1, name="two")(inputs)
    x = L.Add()([inner(one), one])
    x = L.Concatenate()([x, L.Conv2D(3, 1, name="three")(two)])
    x = L.GlobalAveragePooling2D()(x)
    outputs = [L.Dense(2, name="left")(x), L.Dense(3, name="right")(x)]
    edges = [
        *kernel("one/kernel", (1, 1, 3, 4), "in", "one"),
        *kernel("two/kernel", (1, 1, 3, 4), "in", "two"),
        *kernel("inside/kernel", (1, 1, 4, 4), "one", "sum"),
        *same("one", "sum", 4),
        *same("sum", "joined", 4),
        *kernel("three/kernel", (1, 1, 4, 3), "two", "three"),
        *same("three", "joined", 3, 4),
        *kernel("left/kernel", (7, 2), "joined", "out"),
        *kernel("right/kernel", (7, 3), "joined", "out"),
    ]
    return keras.Model(inputs, outputs), edges


class Trained(keras.Model):
    """A class with a train_step of its own, and a graph of layers."""

    def train_step(self, data: Any) -> Any:
        raise NotImplementedError


def of_own_class() -> tuple[Any, list[Edge]]:
    inputs = keras.Input((3,))
    hidden = L.Dense(4, name="hidden")(inputs)
    edges = [
        *kernel("hidden/kernel", (3, 4), "in", "a"),
        *kernel("last/kernel", (4, 2), "a", "out"),
    ]
    return Trained(inputs, L.Dense(2, name="last")(hidden)), edges


MODELS: dict[str, Callable[[], tuple[Any, list[Edge]]]] = {
    made.__name__: made for made in (chain, branches, of_own_class)
}


def masked(model: Any, share: float, seed: int = 0) -> Network:
    """The network of a model that is held on masks, with random ones."""
    rng, network = np.random.default_rng(seed), Network.of(model)
    for weight in network.pruned:
        weight.write_mask(rng.random(weight.shape) < share)
    return network


def entries(network: Network, found: Iterable[np.ndarray]) -> set[Any]:
    return {
        (weight.path, tuple(map(int, place)))
        for weight, array in zip(network.pruned, found, strict=True)
        for place in np.argwhere(array)
    }


def main() -> None:
    wrong: dict[str, list[str]] = {}
    for name, share in itertools.product(MODELS, (0.15, 0.4)):
        model, edges = MODELS[name]()
        network = masked(lth.hold(model), share)
        masks = {weight.path: weight.read_mask() for weight in network.pruned}
        expected = counted(edges, masks)
        found = entries(network, paths.effective(network) or ())
        wrong[f"{name} at {share}"] = [str(each) for each in expected ^ found]
        size = sum(mask.size for mask in masks.values())
        if paths.density(network) != len(expected) / size:
            wrong[f"{name} at {share}"].append("another density")
    print(json.dumps(wrong))


if __name__ == "__main__":
    main()
