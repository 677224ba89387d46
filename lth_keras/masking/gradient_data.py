"""What gradients are of: the data that `lth.prune` is given, batch by batch."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError

_BATCH_SIZE = 128
_WANTED = "pass (x, y), (x, y, sample_weight) or batches of these"


def batches(data: Any) -> Iterable[Any]:
    if isinstance(data, tuple):
        return _cut(data)
    tf = sys.modules.get("tensorflow")
    if tf is not None and isinstance(data, tf.data.Dataset):
        if int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise LotteryError(
                "data= is a Dataset without an end: say how many batches count, "
                "data=dataset.take(100)."
            )
        return data
    if isinstance(data, list) and any(hasattr(part, "shape") for part in data):
        raise LotteryError(
            "data= is a list of arrays: pass the tuple (x, y), or a list of batches."
        )
    if hasattr(data, "shape") or isinstance(data, (dict, str)):
        raise LotteryError(f"data= is one {type(data).__name__}: {_WANTED}.")
    if not isinstance(data, Iterable):
        raise LotteryError(f"data={data!r} holds no batches: {_WANTED}.")
    return data


def _cut(data: tuple[Any, ...]) -> Iterator[Any]:
    """The batches of arrays, in their order."""
    arrays = [_arrays(part) for part in data]
    size = _size(arrays)
    for begin in range(0, size, _BATCH_SIZE):
        end = begin + _BATCH_SIZE

        def cut(part: Any, begin: int = begin, end: int = end) -> Any:
            return None if part is None else part[begin:end]

        yield tuple(_mapped(cut, part) for part in arrays)


def checked(
    model: Any, batch: Any, tensor: Callable[[Any], Any] | None = None
) -> tuple[Any, int]:
    """A batch (x, y, sample_weight) of tensors, and its number of examples.

    Args:
        model: compiled.
        batch: as the data have it.
        tensor: f(array) -> a tensor; one of TensorFlow by default.
    """
    if isinstance(batch, list):
        batch = tuple(batch)
    if isinstance(batch, tuple) and not 1 <= len(batch) <= 3:
        raise LotteryError(f"data= has a batch of {len(batch)} parts: {_WANTED}.")
    parts = list(batch) if isinstance(batch, tuple) else [batch]
    x, y, sample_weight = [*parts, None, None][:3]
    if y is None and model.loss:
        raise LotteryError(
            "data= has no targets, and the model was compiled with a loss: pass (x, "
            "y), or batches of these."
        )
    x, y, sample_weight = (_arrays(part) for part in (x, y, sample_weight))
    size = _size([x, y])
    made = tensor or _of_tensorflow

    def of(part: Any) -> Any:
        try:
            return None if part is None else made(part)
        except (TypeError, ValueError) as error:
            text = f"data= holds what is no array: {reason(error)}"
            raise LotteryError(text) from None

    return _mapped(of, (x, y, sample_weight)), size


def _mapped(function: Callable[[Any], Any], part: Any) -> Any:
    """A structure of what a function gives of each leaf."""
    if isinstance(part, dict):
        return {key: _mapped(function, value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        found = [_mapped(function, value) for value in part]
        return found if isinstance(part, list) else tuple(found)
    return function(part)


def _leaves(part: Any) -> list[Any]:
    found: list[Any] = []
    _mapped(found.append, part)
    return found


def _arrays(part: Any) -> Any:
    """Lists of numbers as arrays; structures of arrays as they are."""
    if isinstance(part, dict):
        return {key: _arrays(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        if any(hasattr(leaf, "shape") for leaf in _leaves(part)):
            found = [_arrays(value) for value in part]
            return found if isinstance(part, list) else tuple(found)
    elif part is None or hasattr(part, "shape"):
        return part
    try:
        return np.asarray(part)
    except ValueError:
        raise LotteryError(
            "data= holds lists of different lengths: give arrays, with a first "
            "dimension that counts the examples."
        ) from None


def _size(arrays: Any) -> int:
    """How many examples there are, as many in each array."""
    flat = [array for array in _leaves(arrays) if array is not None]
    if not all(len(array.shape) for array in flat):
        raise LotteryError(
            "data= holds single numbers where batches of examples are wanted: batch a "
            "Dataset, data=dataset.batch(100)."
        )
    sizes = sorted({int(array.shape[0]) for array in flat})
    if len(sizes) > 1:
        raise LotteryError(
            f"data= holds arrays of {' and '.join(map(str, sizes))} examples: give as "
            "many of each, and a Dataset in batches."
        )
    return sizes[0] if sizes else 0


def _of_tensorflow(part: Any) -> Any:
    import tensorflow as tf

    return part if tf.is_tensor(part) else tf.convert_to_tensor(part)


def reason(error: Exception) -> str:
    """The last line that says something: TensorFlow and Keras put pages around it."""
    text = str(error).split("Call arguments received")[0]
    text = re.sub(r"\[\[\{\{.*?\}\}\]\]|\{\{.*?\}\}|\[Op:\w+\]", "", text)
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
