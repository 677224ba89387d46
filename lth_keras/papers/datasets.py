"""Image classification data in memory: the embedded digits and any TFDS set.

Images are float32 in [batch, height, width, channels], labels int64, split into
train, validation and test. The library itself never imports this file; examples
and tests do.

    data = load("mnist", data_dir="~/tensorflow_datasets")
    search.fit(data.stream(60), validation_data=data.validation, ...)
"""

from __future__ import annotations

import dataclasses
import operator
from typing import Protocol

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.papers import augmentation, sizes, tfds_reader
from lth_keras.training import batches

Split = tfds_reader.Split

AUGMENTATIONS = ("none", "crop_flip")

_CHUNK = 1000  # images


class Stream(Protocol):
    """Makes the training batches of a level, from step `start` on."""

    def __call__(self, level: int, seed: int, start: int = 0) -> tf.data.Dataset: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """A data set in memory.

    Attributes:
      name: the name it was loaded by.
      train: images, float32 [n, height, width, channels], and labels, int64 [n].
      validation: the same, taken at random from the training examples.
      test: the same, never part of a split by seed.
      classes: number of classes; labels are 0 to `classes - 1`.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one image."""
        height, width, channels = self.train[0].shape[1:]
        return height, width, channels

    def stream(self, batch_size: int, augment: str = "none") -> Stream:
        """Training batches as a function of (level, seed), for `LotterySearch.fit`.

        Args:
          batch_size: examples per batch, at most the size of `train`.
          augment: "none", or "crop_flip" for `augmentation.crop_flip` of the images.

        Returns:
          `f(level, seed, start=0)`, the endless `batches.batches` of (image, label)
          for that level from that step on. All batches are whole; an epoch is
          `len(train) // batch_size` of them.

        Raises:
          LotteryError: if no whole batch fits into the training set, or the
            augmentation is unknown.
        """
        if augment not in AUGMENTATIONS:
            raise LotteryError(
                f"augment={augment!r} is unknown; use {' or '.join(AUGMENTATIONS)}."
            )
        batches.steps_per_epoch(len(self.train[0]), batch_size, drop_remainder=True)
        with tf.device("CPU:0"):
            tensors = tuple(tf.convert_to_tensor(array) for array in self.train)

        def level_batches(level: int, seed: int, start: int = 0) -> tf.data.Dataset:
            return batches.batches(
                tensors,
                batch_size,
                seed=seed,
                level=level,
                start=start,
                drop_remainder=True,
            )

        def augmented_batches(level: int, seed: int, start: int = 0) -> tf.data.Dataset:
            plain = level_batches(level, seed, start)
            return augmentation.crop_flip(plain, seed=seed, level=level, start=start)

        # A stored search knows its data by the name of the function.
        return level_batches if augment == "none" else augmented_batches


def load(
    name: str,
    data_dir: str | None = None,
    validation_size: int | None = None,
    seed: int = 0,
) -> Data:
    """Loads, normalises and splits a data set.

    Grey images are scaled to [0, 1]; colour images are standardised per channel with
    the mean and standard deviation of the training images. Where TFDS has no test
    split, its validation split serves; where it has neither, and for digits, a
    fifth of the examples does, the same fifth for every seed.

    Args:
      name: "digits" (scikit-learn's 1,797 images of 8x8, no network needed), or the
        TFDS name of an image classification set with images of one size.
      data_dir: directory of prepared TFDS data, local or gs://; None means TFDS's
        default. What is not prepared there is downloaded to it, if possible.
      validation_size: examples taken from the training set for validation. None
        means 5,000 (arXiv 1803.03635), or an eighth where that is less.
      seed: chooses the validation examples, at least 0.

    Returns:
      The data, in memory.

    Raises:
      LotteryError: for an unknown name, data that are neither prepared nor
        downloadable or no image classification, a validation size that leaves no
        training example, or a missing package.
    """
    # Before any data are read, which can take a while.
    if validation_size is not None:
        validation_size = _integer("validation_size", validation_size, 1)
    seed = _integer("seed", seed, 0)
    raw = _digits() if name == "digits" else tfds_reader.read(name, data_dir)
    images, labels = raw.train
    size = len(images)
    if validation_size is None:
        validation_size = sizes.held_out(size)
    if not 1 <= validation_size < size:
        raise LotteryError(
            f"validation_size={validation_size} does not fit the {size} training "
            f"examples of {name!r}; use 1 to {size - 1}."
        )
    order = np.random.default_rng(seed).permutation(size)
    held_out, kept = np.split(order, [validation_size])
    train, validation, test = _normalised(
        raw.white, images[kept], images[held_out], raw.test[0]
    )
    return Data(
        name=name,
        train=(train, labels[kept]),
        validation=(validation, labels[held_out]),
        test=(test, raw.test[1]),
        classes=raw.classes,
    )


def _integer(name: str, value: int, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise LotteryError(
            f"{name}={value!r} is not allowed; use an integer of at least {least}."
        )
    return number


def _normalised(white: int, *splits: np.ndarray) -> list[np.ndarray]:
    """Floats from uint8 images; colour by the statistics of the first split alone."""
    shape = splits[0].shape[1:]
    mean, scale = np.zeros(1), np.array([white])
    if shape[-1] > 1:
        mean, scale = _channel_statistics(splits[0])
    # Written out to a whole image: NumPy is slow on inner dimensions of 3.
    mean_image = np.full(shape, mean, np.float32)
    scale_image = np.full(shape, scale, np.float32)
    normalised = []
    for images in splits:
        floats = images.astype(np.float32)
        floats -= mean_image
        floats /= scale_image
        normalised.append(floats)
    return normalised


def _channel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, [channels]; 1 for a constant channel."""
    # In integers, so exact, and in pieces: float64 copies of all the images would be
    # eight times as large as they are.
    total = np.zeros((2, *images.shape[1:]), np.uint64)
    for begin in range(0, len(images), _CHUNK):
        chunk = images[begin : begin + _CHUNK]
        total[0] += chunk.sum(axis=0, dtype=np.uint64)
        total[1] += np.square(chunk, dtype=np.uint16).sum(axis=0, dtype=np.uint64)
    mean, mean_square = total.astype(np.float64).mean(axis=(1, 2)) / len(images)
    deviation = np.sqrt(np.maximum(mean_square - mean**2, 0))
    return mean, np.where(deviation > 0, deviation, 1)


def _digits() -> tfds_reader.Raw:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise LotteryError(
            "The digits data come with scikit-learn; run: pip install scikit-learn"
        ) from error
    digits = load_digits()
    images = digits.images[..., np.newaxis].astype(np.uint8)
    train, test = tfds_reader.hold_out_test(images, digits.target.astype(np.int64))
    return tfds_reader.Raw(train, test, classes=10, white=16)
