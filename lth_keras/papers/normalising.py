"""Floats from stored images, and which examples are taken for what.

Of images in memory and of those read by number alike, so that both are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.papers import memory, sizes

_CHUNK = 1000  # images

# Mean and standard deviation of each channel, 0 to 255, of sets whose images need not
# be read for them.
KNOWN = {"imagenet2012": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))}


def split(
    size: int, validation_size: int | None, seed: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """(kept, held out): which training examples train, and which validate.

    Args:
        size: of the training set.
        validation_size: examples held out; None for `sizes.held_out`.
        seed: chooses them.
        name: of the data set, for what is said.

    Raises:
        LotteryError: no training example would be left.
    """
    if validation_size is None:
        validation_size = sizes.held_out(size)
    if not 1 <= validation_size < size:
        raise LotteryError(
            f"validation_size={validation_size} does not fit the {size} training "
            f"examples of {name!r}; use 1 to {size - 1}."
        )
    order = np.random.default_rng(seed).permutation(size)
    held_out, kept = np.split(order, [validation_size])
    return kept, held_out


def images_of(
    shape: tuple[int, ...], white: int, statistics: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """What is taken from an image, and what it is divided by; float32 of its shape.

    Args:
        shape: (height, width, channels).
        white: the brightest value; grey images are divided by it.
        statistics: `channel_statistics` of the training images; None of grey ones.
    """
    mean, scale = statistics or (np.zeros(1), np.array([white]))
    # Written out to a whole image: NumPy is slow on inner dimensions of 3.
    return np.full(shape, mean, np.float32), np.full(shape, scale, np.float32)


def channel_statistics(
    chunks: Iterable[np.ndarray], shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, [channels]; 1 for a constant channel.

    Args:
        chunks: some images each, uint8 [n, *shape].
        shape: (height, width, channels).
    """
    # In integers, so exact, and in pieces: float64 copies of all the images would be
    # eight times as large as they are.
    total = np.zeros((2, *shape), np.uint64)
    size = 0
    for chunk in chunks:
        size += len(chunk)
        total[0] += chunk.sum(axis=0, dtype=np.uint64)
        total[1] += np.square(chunk, dtype=np.uint16).sum(axis=0, dtype=np.uint64)
    mean, mean_square = total.astype(np.float64).mean(axis=(1, 2)) / size
    deviation = np.sqrt(np.maximum(mean_square - mean**2, 0))
    return mean, np.where(deviation > 0, deviation, 1)


def statistics_of(
    images: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """`channel_statistics` of chosen images in memory; None of grey ones."""
    if images.shape[-1] == 1:
        return None
    pieces = (piece for _, piece in _chunks(images, numbers))
    return channel_statistics(pieces, images.shape[1:])


def floats(
    images: np.ndarray, numbers: np.ndarray, taken: np.ndarray, divisor: np.ndarray
) -> np.ndarray:
    """(image - taken) / divisor of chosen images, float32, where TensorFlow reads it.

    Args:
        images: uint8 [n, height, width, channels].
        numbers: which, and in which order.
        taken: of an image's shape, as `images_of` makes it.
        divisor: the same.
    """
    found = memory.aligned((len(numbers), *images.shape[1:]), np.float32)
    for place, piece in _chunks(images, numbers):
        found[place] = piece
        found[place] -= taken
        found[place] /= divisor
    return found


def _chunks(
    images: np.ndarray, numbers: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Chosen images in pieces, each with where it goes; the copies stay small."""
    for begin in range(0, len(numbers), _CHUNK):
        place = slice(begin, begin + _CHUNK)
        yield place, images[numbers[place]]
