"""Operations of `keras.ops` on shapes, axes and sums, as TensorFlow computes them.

Each function is given the operation, which holds its arguments that are no tensors,
then the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.errors import LotteryError


def _shape(newshape: Any) -> list[int]:
    sizes = [newshape] if isinstance(newshape, int) else newshape
    return [-1 if size is None else size for size in sizes]


def _swapped(op: Any, x: Any) -> Any:
    order = list(range(len(x.shape)))
    first, second = op.axis1, op.axis2
    order[first], order[second] = order[second], order[first]
    return tf.transpose(x, order)


def _moved(op: Any, x: Any) -> Any:
    rank = len(x.shape)
    pairs = [
        [axis % rank for axis in ([given] if isinstance(given, int) else given)]
        for given in (op.source, op.destination)
    ]
    order = [axis for axis in range(rank) if axis not in pairs[0]]
    for target, source in sorted(zip(pairs[1], pairs[0], strict=True)):
        order.insert(target, source)
    return tf.transpose(x, order)


def _split(op: Any, x: Any) -> Any:
    given = op.indices_or_sections
    if isinstance(given, int):
        return tf.split(x, given, op.axis)
    ends = [*given, x.shape[op.axis]]
    sizes = [end - start for start, end in zip([0, *given], ends, strict=True)]
    return tf.split(x, sizes, op.axis)


def _padded(op: Any, x: Any, constant_values: Any = None) -> Any:
    return tf.pad(x, op.pad_width, op.mode.upper(), constant_values or 0)


def _place(op: Any, x: Any, function: Callable[..., Any]) -> Any:
    if op.axis is None:
        found = function(tf.reshape(x, [-1]), 0, tf.int32)
        return tf.reshape(found, [1] * len(x.shape)) if op.keepdims else found
    found = function(x, op.axis, tf.int32)
    return tf.expand_dims(found, op.axis) if op.keepdims else found


def _einsum(op: Any, *operands: Any) -> Any:
    return tf.einsum(op.subscripts, *operands)


def _taken(op: Any, x: Any, indices: Any) -> Any:
    """Entries at places, of which negative ones count from the end."""
    x, axis = (tf.reshape(x, [-1]), 0) if op.axis is None else (x, op.axis)
    places = indices if hasattr(indices, "dtype") else tf.constant(indices)
    size = tf.cast(tf.shape(x)[axis], places.dtype)
    return tf.gather(x, tf.where(places < 0, places + size, places), axis=axis)


def _dot(op: Any, x1: Any, x2: Any) -> Any:
    if len(x1.shape) < 2 or len(x2.shape) != 2:
        raise LotteryError(
            "keras.ops.dot of these shapes: use keras.ops.matmul or keras.ops.einsum."
        )
    return tf.tensordot(x1, x2, 1)


def _resized(op: Any, images: Any) -> Any:
    fits = op.data_format in (None, "channels_last")
    if not fits or op.crop_to_aspect_ratio or op.pad_to_aspect_ratio:
        raise LotteryError(
            "keras.ops.image.resize that crops or pads, or of channels_first: use the "
            "layer keras.layers.Resizing."
        )
    size = list(op.size)
    return tf.image.resize(images, size, op.interpolation, antialias=op.antialias)


def _normalized(op: Any, x: Any) -> Any:
    if op.order != 2:
        raise LotteryError(
            f"keras.ops.normalize of order {op.order}: order 2 is known, or divide by "
            "keras.ops.norm."
        )
    least = compat.keras3().config.epsilon() if op.epsilon is None else op.epsilon
    return tf.math.l2_normalize(x, op.axis, least**2)


def _norm(op: Any, x: Any) -> Any:
    axes = None if op.axis is None else list(op.axis)
    if axes is not None and len(axes) == 1:
        return tf.norm(x, op.ord or "euclidean", axes[0], op.keepdims)
    if op.ord not in (None, "fro"):
        raise LotteryError(
            f"keras.ops.norm of order {op.ord} over several axes: only None and 'fro' "
            "are known."
        )
    return tf.sqrt(tf.reduce_sum(tf.square(x), axes, op.keepdims))


def _attention(
    op: Any,
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
) -> Any:
    """softmax(q k' scale + bias) v of batch, length, heads and channels."""
    if op.is_causal or op.attn_logits_soft_cap is not None or mask is not None:
        raise LotteryError(
            "keras.ops.dot_product_attention with a mask, a cap or is_causal: use the "
            "layer keras.layers.MultiHeadAttention."
        )
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = tf.einsum("btnh,bsnh->bnts", query, key) * scale
    scores = scores if bias is None else scores + bias
    return tf.einsum("bnts,bsnh->btnh", tf.nn.softmax(scores), value)


REDUCED: dict[str, Callable[..., Any]] = {
    "All": tf.reduce_all,
    "Amax": tf.reduce_max,
    "Amin": tf.reduce_min,
    "Any": tf.reduce_any,
    "Logsumexp": tf.reduce_logsumexp,
    "Max": tf.reduce_max,
    "Mean": tf.reduce_mean,
    "Min": tf.reduce_min,
    "Prod": tf.reduce_prod,
    "Std": tf.math.reduce_std,
    "Sum": tf.reduce_sum,
    "Var": tf.math.reduce_variance,
}

REARRANGED: dict[str, Callable[..., Any]] = {
    "Argmax": lambda op, x: _place(op, x, tf.argmax),
    "Argmin": lambda op, x: _place(op, x, tf.argmin),
    "Cast": lambda op, x: tf.cast(x, op.dtype),
    "BroadcastTo": lambda op, x: tf.broadcast_to(x, _shape(op.shape)),
    "Concatenate": lambda op, xs: tf.concat(xs, op.axis),
    "Copy": lambda op, x: tf.identity(x),
    "Cumsum": lambda op, x: tf.cumsum(x, op.axis),
    "DepthToSpace": lambda op, x: tf.nn.depth_to_space(x, op.block_size),
    "Dot": _dot,
    "DotProductAttention": _attention,
    "Einsum": _einsum,
    "ExpandDims": lambda op, x: tf.expand_dims(x, op.axis),
    "Flip": lambda op, x: tf.reverse(
        x, [op.axis] if isinstance(op.axis, int) else op.axis
    ),
    "GetItem": lambda op, x, key: x[tuple(key) if isinstance(key, list) else key],
    "Matmul": lambda op, x1, x2: tf.matmul(x1, x2),
    "Moveaxis": _moved,
    "Norm": _norm,
    "Normalize": _normalized,
    "OneHot": lambda op, x: tf.one_hot(
        x, op.num_classes, axis=op.axis, dtype=op.dtype or "float32"
    ),
    "OnesLike": lambda op, x: tf.ones_like(x, op.dtype),
    "Pad": _padded,
    "Ravel": lambda op, x: tf.reshape(x, [-1]),
    "Repeat": lambda op, x: tf.repeat(x, op.repeats, op.axis),
    "Reshape": lambda op, x: tf.reshape(x, _shape(op.newshape)),
    "Resize": _resized,
    "Roll": lambda op, x: tf.roll(x, op.shift, op.axis),
    "Sort": lambda op, x: tf.sort(x, op.axis),
    "SpaceToDepth": lambda op, x: tf.nn.space_to_depth(x, op.block_size),
    "Split": _split,
    "Squeeze": lambda op, x: tf.squeeze(x, op.axis),
    "Stack": lambda op, xs: tf.stack(xs, op.axis),
    "Swapaxes": _swapped,
    "Take": _taken,
    "Tensordot": lambda op, x1, x2: tf.tensordot(x1, x2, op.axes),
    "Tile": lambda op, x: tf.tile(x, op.repeats),
    "TopK": lambda op, x: tuple(tf.math.top_k(x, op.k, op.sorted)),
    "Transpose": lambda op, x: tf.transpose(x, op.axes),
    "Where": lambda op, condition, x1, x2: tf.where(condition, x1, x2),
    "ZerosLike": lambda op, x: tf.zeros_like(x, op.dtype),
}
