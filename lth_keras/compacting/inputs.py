"""Inputs that a dense layer does not use, taken out before it: cropped or picked.

Unused inputs mostly lie together: the borders of an image, the ends of a vector. A
crop copies what lies between them in rows, at a small part of what picking single
numbers takes. So the used inputs are cropped out as one box of the image, those
outside it are picked and set behind it, and unused ones inside it stay where
multiplying them takes less than picking all others would.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compacting.graph import Call, Part
from lth_keras.compat import keras

# What it takes to move one number, in multiply-adds of a dense layer: measured for
# tf.gather and for a crop, 60 images of LeNet, TensorFlow 2.21 on a CPU.
_PICK, _COPY = 150, 10


def cropped(part: Part, used: np.ndarray, units: int) -> Part:
    """The part without most of the channels that a dense layer does not use.

    Args:
        part: the input of the layer, of rank 2.
        used: bool [channels of the part], some of them True.
        units: how many multiply-adds an unused channel that stays costs.

    Returns:
        The used channels and few others: those of the box, then those outside it.
    """
    image = _before_flattening(part.tensor)
    shape = tuple(image.shape[1:])
    used = used.reshape(shape)
    ends = box(np.where(used, _PICK - _COPY, -units - _COPY))
    within = np.zeros(shape, bool)
    within[ends] = True
    if within.all():
        return part
    outside = np.flatnonzero(used & ~within)
    pieces = []
    if within.any():
        crop = image[(slice(None), *ends)]
        flat = len(shape) == 1
        pieces.append(crop if flat else tf.reshape(crop, (-1, int(within.sum()))))
    if outside.size:
        pieces.append(tf.gather(part.tensor, outside.tolist(), axis=-1))
    places = np.concatenate([np.flatnonzero(within), outside])
    tensor = tf.concat(pieces, axis=-1) if len(pieces) > 1 else pieces[0]
    return Part(tensor, part.channels[places])


def box(gain: np.ndarray) -> tuple[slice, ...]:
    """A box whose sum no other interval along any one axis makes greater.

    Args:
        gain: numbers of any rank.

    Returns:
        A slice per axis; empty ones where no number is above 0.
    """
    ends = [slice(0, size) for size in gain.shape]
    best = -np.inf
    while True:
        for axis in range(gain.ndim):
            others = list(ends)
            others[axis] = slice(None)
            beside = tuple(i for i in range(gain.ndim) if i != axis)
            total, ends[axis] = _interval(gain[tuple(others)].sum(axis=beside))
        if total <= best:
            return tuple(ends)
        best = total


def _interval(gain: np.ndarray) -> tuple[float, slice]:
    """The stretch of a row with the greatest sum, and that sum; empty where 0."""
    sums = np.concatenate([[0], np.cumsum(gain)])
    lowest = np.minimum.accumulate(sums)
    stop = int(np.argmax(sums - lowest))
    start = int(np.argmin(sums[: stop + 1]))
    return float(sums[stop] - sums[start]), slice(start, stop)


def _before_flattening(tensor: Any) -> Any:
    """The image that a tensor of rank 2 was flattened from, or the tensor itself."""
    call = Call(tensor.node)
    layer: Any = call.layer
    if isinstance(layer, (keras.layers.Flatten, keras.layers.Reshape)):
        # Of an image with channels first, Flatten changes the order.
        if getattr(layer, "data_format", "channels_last") == "channels_last":
            (given,) = call.inputs
            if None not in tuple(given.shape)[1:]:
                return given
    return tensor
