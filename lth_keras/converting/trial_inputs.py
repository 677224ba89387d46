"""Random inputs that a model of Keras 3 takes.

    for inputs in candidates(model): ...   # {"pixels": array of shape (3, 32, 32, 3)}

Lengths that are free are tried in turn: some networks want images of a least size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lth_keras import compat

_EXAMPLES = 3
_LENGTHS = (12, 40, 96, 224, 331)
_READERS = ("CategoryEncoding", "Embedding", "Hashing", "IntegerLookup")


def candidates(model: Any) -> Iterator[list[np.ndarray]]:
    """Arrays for the inputs of a model, flat and in its order; the smallest first.

    Args:
        model: a built Sequential or Functional model of Keras 3.
    """
    layers = list(layers_within(model))
    words = _words(layers)
    below = min(_sizes(layers), default=2)
    for length in _LENGTHS:
        rng = np.random.default_rng(0)
        yield [
            _array(rng, tensor, length, below, words, _is_token(model, tensor))
            for tensor in model.inputs
        ]
        if all(None not in tensor.shape[1:] for tensor in model.inputs):
            return


def _array(
    rng: np.random.Generator,
    tensor: Any,
    length: int,
    below: int,
    words: list[str],
    token: bool,
) -> np.ndarray:
    shape = [length if n is None else n for n in tensor.shape]
    shape[0] = tensor.shape[0] or _EXAMPLES
    dtype = compat.keras3().backend.standardize_dtype(tensor.dtype)
    if dtype == "string":
        texts = rng.choice([*words, "unseen"], (*shape, 3))
        several = any(" " in word for word in words) or not words
        joined = np.apply_along_axis(" ".join, -1, texts) if several else texts[..., 0]
        return np.asarray(joined).astype(object)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if token or dtype.startswith(("int", "uint")):
        value = rng.integers(0, below, shape)
        if len(shape) > 1:
            # Padding behind, as a mask would have it.
            ends = rng.integers(1, shape[1] + 1, shape[0])
            kept = np.arange(shape[1]) < ends[:, None]
            value *= kept.reshape(kept.shape + (1,) * (len(shape) - 2))
        return value.astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def layers_within(layer: Any) -> Iterator[Any]:
    """The layer and all layers inside it."""
    yield layer
    for inner in compat.keras3_inner_layers(layer):
        yield from layers_within(inner)


def _sizes(layers: list[Any]) -> Iterator[int]:
    """What whole numbers have to be below, by the layers that read them."""
    for layer in layers:
        name = type(layer).__name__
        if name == "Embedding":
            yield int(layer.input_dim)
        elif name == "CategoryEncoding":
            yield int(layer.num_tokens)


def _words(layers: list[Any]) -> list[str]:
    """Texts that the model's vocabularies know."""
    found: list[str] = []
    for layer in layers:
        if hasattr(layer, "get_vocabulary"):
            known = [str(w) for w in layer.get_vocabulary()][:100]
            found += [f"{w} " for w in known] if _splits(layer) else known
    return [word for word in found if word.strip()]


def _splits(layer: Any) -> bool:
    return type(layer).__name__ == "TextVectorization"


def _is_token(model: Any, tensor: Any) -> bool:
    """Whether what reads an input takes whole numbers, whatever its dtype."""
    if not compat.is_keras3_functional(model):
        return bool(model.layers) and _takes_tokens(model.layers[0], [tensor], tensor)
    calls = ((node.operation, _given(node)) for node in compat.keras3_nodes(model))
    return any(
        _takes_tokens(operation, given, tensor)
        for operation, given in calls
        if any(value is tensor for value in given)
    )


def _takes_tokens(operation: Any, given: list[Any], tensor: Any) -> bool:
    if not compat.is_keras3_layer(operation):
        return False
    if compat.is_keras3_model(operation):
        inputs = operation.inputs or []
        pairs = zip(given, inputs, strict=False)
        return any(_is_token(operation, x) for value, x in pairs if value is tensor)
    # A class of the user's may keep its Embedding inside.
    return any(type(part).__name__ in _READERS for part in layers_within(operation))


def _given(node: compat.Node) -> list[Any]:
    return list(compat.keras3().tree.flatten(node.args))
