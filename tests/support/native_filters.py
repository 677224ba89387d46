"""Filters of Keras 3 models, ranked and masked by hand in NumPy.

    KERAS_BACKEND=jax python -m tests.support.native_filters

Prints a JSON object: of each case what went wrong.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers as L  # noqa: N812

import lth_keras as lth
from lth_keras.masking.network import Network

RATE, CLASSES = 0.3, 5
IMAGES = (8, 8, 1)


class Net(NamedTuple):
    """A model, and what of it goes with which filters.

    Attributes:
        model: built.
        follows: of each weight that goes with filters the kernels of these.
        sums: kernels whose filters are added, all of them to each other.
        whole: kernels that are added to what cannot be pruned.
    """

    model: Any
    follows: dict[str, list[str]]
    sums: list[str]
    whole: list[str]


def _drawn(model: Any) -> Any:
    """The model with weights of all signs, none of them zero or alike."""
    rng = np.random.default_rng(5)
    for variable in model.weights:
        value = rng.normal(size=variable.shape)
        positive = variable.name in ("gamma", "moving_variance")
        variable.assign(np.abs(value) + 0.1 if positive else value)
    return model


def chain() -> Net:
    model = keras.Sequential(
        [
            keras.Input(IMAGES),
            L.Conv2D(6, 3, name="first"),
            L.BatchNormalization(name="norm"),
            L.ReLU(),
            L.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise"),
            L.BatchNormalization(name="norm_2"),
            L.SeparableConv2D(5, 2, name="separable"),
            L.Conv2DTranspose(7, 2, name="transposed"),
            L.GlobalAveragePooling2D(),
            L.Dense(8, "relu", name="hidden"),
            L.BatchNormalization(scale=False, name="norm_3"),
            L.Dense(CLASSES, name="out"),
        ]
    )
    follows = {
        "first/bias": ["first/kernel"],
        "norm/gamma": ["first/kernel"],
        "norm/beta": ["first/kernel"],
        "depthwise/bias": ["depthwise/depthwise_kernel"],
        "norm_2/gamma": ["depthwise/depthwise_kernel"],
        "norm_2/beta": ["depthwise/depthwise_kernel"],
        "separable/bias": ["separable/pointwise_kernel"],
        "transposed/bias": ["transposed/kernel"],
        "hidden/bias": ["hidden/kernel"],
        "norm_3/beta": ["hidden/kernel"],
    }
    return Net(_drawn(model), follows, [], [])


def residual() -> Net:
    """Sums, a normalisation behind one, a model in the model, and one in a layer."""
    inputs, entry = keras.Input(IMAGES), keras.Input((8, 8, 4))
    inside = L.Conv2D(4, 1, use_bias=False, name="inside")(entry)
    inner = keras.Model(entry, L.BatchNormalization(name="norm")(inside), name="inner")
    stem = L.Conv2D(4, 3, padding="same", name="stem")(inputs)
    x = L.ReLU()(L.BatchNormalization(name="stem_norm")(stem))
    x = L.Conv2D(6, 3, padding="same", name="widened")(inner(x))
    x = L.Conv2D(4, 3, padding="same", name="back")(L.ReLU()(x))
    x = L.BatchNormalization(name="sum_norm")(L.Add()([x, stem]))
    x = L.Reshape((8, 32))(L.ReLU()(x))
    x = L.Add()([L.TimeDistributed(L.Dense(32, name="timed"), name="times")(x), x])
    model = keras.Model(inputs, L.Dense(CLASSES, name="out")(L.Flatten()(x)))
    follows = {
        "stem/bias": ["stem/kernel"],
        "stem_norm/gamma": ["stem/kernel"],
        "stem_norm/beta": ["stem/kernel"],
        "norm/gamma": ["inside/kernel"],
        "norm/beta": ["inside/kernel"],
        "widened/bias": ["widened/kernel"],
        "back/bias": ["back/kernel"],
        "sum_norm/gamma": ["stem/kernel", "back/kernel"],
        "sum_norm/beta": ["stem/kernel", "back/kernel"],
        "timed/bias": ["timed/kernel"],
    }
    sums = ["stem/kernel", "back/kernel"]
    return Net(_drawn(model), follows, sums, ["timed/kernel"])


def residual_model() -> Any:
    return residual().model


def scaled() -> Net:
    parts: list[Any] = []
    for name, size in (("one", 6), ("two", 9)):
        parts += [L.Conv2D(size, 3, use_bias=False, name=name)]
        parts += [L.BatchNormalization(name=f"{name}_norm"), L.ReLU()]
    parts += [L.GlobalAveragePooling2D(), L.Dense(CLASSES, name="out")]
    model = keras.Sequential([keras.Input(IMAGES), *parts])
    follows = {
        f"{name}_norm/{weight}": [f"{name}/kernel"]
        for name in ("one", "two")
        for weight in ("gamma", "beta")
    }
    return Net(_drawn(model), follows, [], [])


def filters_of(path: str, array: np.ndarray) -> np.ndarray:
    """A kernel as a matrix with one column a filter."""
    if path.endswith("depthwise_kernel"):
        return array.reshape(-1, array.shape[-2] * array.shape[-1])
    if path == "transposed/kernel":
        array = np.swapaxes(array, -1, -2)
    return array.reshape(-1, array.shape[-1])


def kept_of(scores: np.ndarray) -> np.ndarray:
    """Which of some filters one round keeps."""
    kept = np.zeros(scores.size, bool)
    number = scores.size - round(RATE * scores.size)
    kept[np.argsort(-scores, kind="stable")[:number]] = True
    return kept


def by_hand(net: Net, where: str = "each", scale: bool = False) -> dict[str, Any]:
    """After one round the filters of each kernel that stay, and what follows them."""
    values = {w.path: w.read() for w in Network.of(net.model).weights}
    scores = {
        path: np.abs(filters_of(path, value)).astype(np.float64).mean(axis=0)
        for path, value in values.items()
        if path.endswith("kernel") and not path.startswith("out/")
    }
    if scale:
        scores = {
            path: np.abs(values[f"{path.split('/')[0]}_norm/gamma"]) for path in scores
        }
    left = {} if where == "each" else {p: None for p in net.whole}
    if where == "first":
        left |= {path: None for path in net.sums}
    scores = {path: score for path, score in scores.items() if path not in left}
    found = {path: kept_of(score) for path, score in scores.items()}
    if where == "together":
        joint = kept_of(sum(scores[path] for path in net.sums))
        found |= {path: joint for path in net.sums}
    following = {}
    for path, kernels in net.follows.items():
        if all(kernel in found for kernel in kernels):
            following[path] = np.any([found[kernel] for kernel in kernels], axis=0)
    return {**found, **following}


def differing(net: Net, expected: dict[str, Any]) -> list[str]:
    """What of a held model is on other masks, or not zero where it is pruned."""
    held = {weight.path: weight for weight in Network.of(net.model).held}
    wrong = [f"{path} is on a mask or is not" for path in set(held) ^ set(expected)]
    for path in set(held) & set(expected):
        mask, value = held[path].read_mask(), held[path].read()
        columns = filters_of(path, mask) if mask.ndim > 1 else mask[np.newaxis]
        if not all(np.array_equal(row, expected[path]) for row in columns):
            wrong.append(f"{path} keeps {columns[0]}, by hand {expected[path]}")
        if value[~mask].any() or np.signbit(value[~mask]).any():
            wrong.append(f"{path} is not zero where it is pruned")
    return wrong


def one_round(build: Callable[[], Net], where: str = "each") -> list[str]:
    net = build()
    lth.hold(net.model, RATE, granularity="filter", where=where)
    expected = by_hand(net, where)
    lth.prune(net.model)
    return differing(net, expected)


def by_scale() -> list[str]:
    net = scaled()
    lth.hold(net.model, RATE, granularity="filter:scale")
    expected = by_hand(net, scale=True)
    lth.prune(net.model)
    return differing(net, expected)


CASES: dict[str, Callable[[], list[str]]] = {
    "chain": lambda: one_round(chain),
    "residual": lambda: one_round(residual),
    "residual, first": lambda: one_round(residual, "first"),
    "residual, together": lambda: one_round(residual, "together"),
    "by scale": by_scale,
}


def main() -> None:
    found: dict[str, list[str]] = {}
    for name, case in CASES.items():
        try:
            found[name] = case()
        except Exception:
            found[name] = [traceback.format_exc()]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
