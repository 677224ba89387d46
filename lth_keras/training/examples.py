"""Examples in memory: what people pass as arrays, with one row per example.

NumPy arrays and tensors are taken as they are; pandas frames and series, Python lists,
scipy's sparse matrices and array-likes such as HDF5 data sets become what `model.fit`
makes of them. None of these packages is needed for it.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.training import composites

_SCALARS = (float, int, str, bytes, bytearray)
_TAKEN = (
    "NumPy arrays, tensors, pandas frames, or lists and dicts of them: convert others "
    "with np.asarray"
)


def is_array(x: Any) -> bool:
    """Whether `x` is one array of some examples."""
    return not isinstance(x, (dict, list, tuple)) and is_arrays(x)


def packed(batch: Any) -> Any:
    """A batch as Keras hands it to a step: of inputs alone, these without a tuple."""
    single = isinstance(batch, tuple) and len(batch) == 1
    return batch[0] if single and not isinstance(batch[0], (list, tuple)) else batch


def is_arrays(x: Any) -> bool:
    """Whether `x` is an array or a structure of arrays, each of some examples."""
    flat = tf.nest.flatten(x) if isinstance(x, (dict, list, tuple)) else [x]
    return bool(flat) and all(
        composites.is_composite(a)
        or (isinstance(a, (np.ndarray, tf.Tensor)) and len(a.shape) > 0)
        for a in flat
    )


def taken(x: Any, y: Any = None, sample_weight: Any = None) -> tuple[Any, Any, Any]:
    """The examples as arrays and tensors, as `model.fit` would read them.

    Args:
        x: inputs; what is not in memory (a Dataset, a function) stays as it is.
        y: targets, or None.
        sample_weight: weights, or None.

    Returns:
        x, y and sample_weight, with the structure that they were given in.

    Raises:
        LotteryError: names what cannot be read as numbers or text.
    """
    given = {"x": x, "y": y, "sample_weight": sample_weight}
    if _of_scalars(x) and (y is None or _of_scalars(y)):
        # Keras takes lists of numbers where both are, and lists of lists as one array.
        found = [v if v is None else _as_array(n, v) for n, v in given.items()]
    else:
        found = [_converted(name, value) for name, value in given.items()]
    return found[0], found[1], found[2]


def taken_together(name: str, data: Any) -> Any:
    """`taken` of (x, y) or (x, y, sample_weight) in one; anything else as it is.

    Raises:
        LotteryError: names `name` and what cannot be read.
    """
    if not isinstance(data, (tuple, list)) or not 2 <= len(data) <= 3:
        return data
    try:
        found = taken(*data)[: len(data)]
    except LotteryError as error:
        raise LotteryError(f"{name}: {error}") from None
    unchanged = all(a is b for a, b in zip(found, data, strict=True))
    return data if unchanged else found


def tensors(batch: Any) -> Any:
    """A structure of arrays as tensors; ragged and sparse ones stay what they are."""
    return tf.nest.map_structure(
        lambda a: a if composites.is_composite(a) else tf.convert_to_tensor(a), batch
    )


def require_arrays(name: str, value: Any) -> None:
    """Refuses what is not examples in memory.

    Raises:
        LotteryError: names the kind of what was given.
    """
    if not is_arrays(value):
        raise LotteryError(f"{name} is {kind(value)}: give {_TAKEN}.")


def describe(data: Any) -> str | None:
    """A digest of arrays, else the name of a function or of a class.

    It is all that a resumed search can compare of its data.
    """
    if data is None:
        return None
    if not is_arrays(data):
        return getattr(data, "__qualname__", None) or type(data).__qualname__
    digest = hashlib.sha256()
    for array in map(np.asarray, tf.nest.flatten(data, expand_composites=True)):
        digest.update(f"{array.dtype}{array.shape}".encode())
        if array.dtype.hasobject:
            digest.update(repr(array.tolist()).encode())
        else:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def kind(value: Any) -> str:
    """What a value is, in a few words for an error: "a list of int", "a DataFrame"."""
    if isinstance(value, (list, tuple)) and value:
        inner = type(value[0])
        return f"a {type(value).__name__} of {inner.__name__}"
    if isinstance(value, dict):
        return "a dict of " + " and ".join(
            sorted({kind(v).removeprefix("a ") for v in value.values()})
        )
    return f"a {type(value).__name__}"


def _of_scalars(value: Any) -> bool:
    """Whether Keras takes it for a list of numbers, or of lists of them."""
    if isinstance(value, _SCALARS):
        return True
    listed = isinstance(value, (list, tuple)) and len(value) > 0
    return listed and _of_scalars(value[0])


def _converted(name: str, value: Any) -> Any:
    return tf.nest.map_structure(lambda leaf: _leaf(name, leaf), value)


def _leaf(name: str, value: Any) -> Any:
    # Whoever passes one of theirs has imported them.
    pandas, scipy = sys.modules.get("pandas"), sys.modules.get("scipy.sparse")
    if isinstance(value, np.ndarray):
        return _checked(name, value, value)
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return _checked(name, value, value.to_numpy())
    if pandas is not None and isinstance(value, pandas.Series):
        return _checked(name, value, value.to_numpy()[:, None])
    if scipy is not None and scipy.issparse(value):
        found = value.tocoo()
        places = np.stack([found.row, found.col], axis=1)
        return tf.sparse.reorder(tf.SparseTensor(places, found.data, found.shape))
    if isinstance(value, tf.Tensor) or composites.is_composite(value):
        return value
    if isinstance(value, tf.Variable):
        return tf.convert_to_tensor(value)
    named = ("__getitem__", "__len__", "shape", "dtype")
    if all(hasattr(value, name) for name in named):
        return _as_array(name, value)
    return value


def _as_array(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        advice = "pad them, or give a RaggedTensor (tf.ragged.constant)"
        raise LotteryError(
            f"{name} is {kind(value)} and no array ({said[0][:120]}): where rows have "
            f"unequal lengths, {advice}."
        ) from None
    return _checked(name, value, array)


def _checked(name: str, value: Any, array: np.ndarray) -> np.ndarray:
    """Refuses entries that are neither numbers nor text, as of mixed columns."""
    if array.dtype.kind not in "OmMV" and array.dtype.char not in "gG":
        return array
    try:
        tf.convert_to_tensor(array)
    except (TypeError, ValueError):
        raise LotteryError(
            f"{name} is {kind(value)} of dtype {array.dtype}, which is no tensor: give "
            "numbers, such as with .astype('float32'), or text alone."
        ) from None
    return array
