"""Weights as bitmasks and their nonzero values, made dense once, at load.

A dense tensor lives in a resource that TensorFlow initialises whenever the SavedModel
is loaded, in Python, in a session or in TensorFlow Serving; the file holds the bits
and the values alone.
"""

from __future__ import annotations

import functools
import secrets
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError

VALUES_DTYPES = ("float32", "float16", "bfloat16")

# What a packed weight costs besides its bits and values: nodes of the graph.
_OVERHEAD = 4096  # bytes


def worthwhile(value: np.ndarray) -> bool:
    """Whether the packed weight is smaller than the dense one, overhead included."""
    width = value.dtype.itemsize
    packed = value.size / 8 + width * np.count_nonzero(value)
    return bool(packed + _OVERHEAD < width * value.size)


def pack(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bits (uint8, eight entries each, first entry highest) and nonzero values.

    Entries are taken in row-major order; -0.0 counts as zero, NaN does not.
    """
    flat = np.reshape(value, -1)
    kept = flat != 0
    return np.packbits(kept), flat[kept]


def unpack(bits: Any, values: Any, spans: Any) -> Any:
    """The flat dense tensor of one of the weights in a store, by TensorFlow.

    Args:
        bits: uint8, the bits of all weights.
        values: the values of all.
        spans: int64 [5, 1]: where the weight's bits begin and how many bytes they
            are, where its values begin and how many they are, and its entries.
    """
    first_byte, bytes_, first, count, size = tf.unstack(spans)
    shifts = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)
    # Plain slices: those of Python's syntax take three times the space in the file.
    own = tf.reshape(tf.slice(bits, first_byte, bytes_), [-1, 1])
    entries = tf.reshape(tf.bitwise.right_shift(own, shifts) % 2, [-1])
    kept = tf.where(tf.slice(entries, tf.zeros_like(size), size))
    return tf.scatter_nd(kept, tf.slice(values, first, count), size)


@functools.cache
def _unpacker(dtype: tf.DType) -> Any:
    # One function for all weights: as part of each initialiser it would be most of it.
    return tf.function(
        unpack,
        [
            tf.TensorSpec([None], tf.uint8),
            tf.TensorSpec([None], dtype),
            tf.TensorSpec([5, 1], tf.int64),
        ],
        autograph=False,
    )


class PackedWeight(tf.saved_model.experimental.TrackableResource):
    """A resource that holds a weight's dense tensor after it was initialised.

    Made by `PackedStore.add`. It is not destroyed with the object that
    `tf.saved_model.load` returns: a signature may outlive that object, as it may with
    plain variables. So a Python process keeps the dense weights of each load until it
    ends; a session, as in TensorFlow Serving, frees them with itself.

    Attributes:
        shape: the weight's shape.
        dtype: the weight's dtype.
    """

    def __init__(self, store: PackedStore, shape: tuple[int, ...], dtype: tf.DType):
        super().__init__()
        self._store = store
        self.shape, self.dtype = shape, dtype
        self._shared_name = f"packed_{secrets.token_hex(8)}"
        # The session loader finds only resources that exist when they are saved.
        self.resource_handle  # noqa: B018

    def read(self) -> Any:
        """The dense tensor, in the shape and dtype of the weight."""
        value = tf.raw_ops.ReadVariableOp(
            resource=self.resource_handle, dtype=self.dtype
        )
        # A handle that a function captures does not know its shape any more.
        value.set_shape(self.shape)
        return value

    def _create_resource(self) -> Any:
        # A session finds by this name what the initialiser made. Loading in Python
        # appends something of its own, so that no two loads share a resource.
        return tf.raw_ops.VarHandleOp(
            dtype=self.dtype, shape=self.shape, shared_name=self._shared_name
        )

    def _initialize(self) -> None:
        self._store.initialize(self)


class PackedStore:
    """The bits and values of all packed weights of an export.

    Args:
        values_dtype: one of `VALUES_DTYPES`; "float32" keeps the values as they are,
            the others round them where they are wider.

    Attributes:
        narrowed: whether values were rounded.
    """

    def __init__(self, values_dtype: str = "float32"):
        self._stored = tf.as_dtype(values_dtype).as_numpy_dtype
        self._keeps = values_dtype == "float32"
        self._parts: dict[PackedWeight, tuple[np.ndarray, np.ndarray]] = {}
        self._bits: Any = None
        self._values: dict[tf.DType, Any] = {}
        self._spans: dict[PackedWeight, list[list[int]]] = {}
        self.narrowed = False

    def add(self, value: np.ndarray, name: str) -> PackedWeight:
        """Packs a weight; `name` stands in messages.

        Raises:
            LotteryError: a value is too large for the store's dtype.
        """
        bits, values = pack(value)
        if not self._keeps and np.dtype(self._stored).itemsize < value.dtype.itemsize:
            with np.errstate(over="ignore"):
                narrow = values.astype(self._stored)
            if np.any(np.isinf(narrow.astype(np.float32)) & np.isfinite(values)):
                raise LotteryError(
                    f"weight {name} holds {float(np.max(np.abs(values))):.3g}, too "
                    f"large for values_dtype={np.dtype(self._stored).name!r}: use "
                    "'bfloat16' or 'float32'."
                )
            values, self.narrowed = narrow, True
        weight = PackedWeight(self, tuple(value.shape), tf.as_dtype(value.dtype))
        self._parts[weight] = bits, values
        return weight

    def drop(self, weight: PackedWeight) -> None:
        """Forgets a weight."""
        del self._parts[weight]

    @property
    def weights(self) -> list[PackedWeight]:
        """The packed weights in the order they were added."""
        return list(self._parts)

    @property
    def bytes(self) -> int:
        """Bytes of all bits and values."""
        return sum(bits.nbytes + values.nbytes for bits, values in self._parts.values())

    def variables(self) -> list[Any]:
        """The variables that hold bits and values; nothing is added from now on."""
        if self._bits is None and self._parts:
            ends: dict[tf.DType, int] = {}
            end = 0
            for weight, (bits, values) in self._parts.items():
                dtype = tf.as_dtype(values.dtype)
                first = ends.get(dtype, 0)
                ends[dtype] = first + values.size
                entries = int(np.prod(weight.shape))
                spans = end, bits.size, first, values.size, entries
                self._spans[weight] = [[number] for number in spans]
                end += bits.size
            self._bits = tf.Variable(
                np.concatenate([bits for bits, _ in self._parts.values()]),
                trainable=False,
                name="bits",
            )
            for dtype in ends:
                chosen = [v for _, v in self._parts.values() if v.dtype == dtype]
                self._values[dtype] = tf.Variable(
                    np.concatenate(chosen), trainable=False, name="values"
                )
        return [] if self._bits is None else [self._bits, *self._values.values()]

    def initialize(self, weight: PackedWeight) -> None:
        """Makes all weights dense if this is the first; each is initialised in turn.

        A loader runs the initialiser of every resource, after it has made them all.
        One for all takes less of the file.
        """
        self.variables()
        if weight is not self.weights[0]:
            return
        bits = self._bits.read_value()
        values = {dtype: held.read_value() for dtype, held in self._values.items()}
        for each, (_, own) in self._parts.items():
            dtype = tf.as_dtype(own.dtype)
            spans = tf.constant(self._spans[each], tf.int64)
            flat = _unpacker(dtype)(bits, values[dtype], spans)
            tf.raw_ops.AssignVariableOp(
                resource=each.resource_handle,
                value=tf.reshape(tf.cast(flat, each.dtype), each.shape),
            )
