"""Image classification data: the embedded digits and any TFDS set.

Images are float32 in [batch, height, width, channels], labels int64, split into
train, validation and test. The library itself never imports this file; examples
and tests do.

    data = load("mnist", data_dir="~/tensorflow_datasets")     # in memory
    data = open("mnist", data_dir="~/tensorflow_datasets")     # left on the disk
    search.fit(data.stream(60), validation_data=data.validation, ...)
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np
import tensorflow as tf

from lth_keras.arguments import count
from lth_keras.errors import LotteryError
from lth_keras.papers import (
    augmentation,
    memory,
    normalising,
    streaming,
    tfds_reader,
    whole_splits,
)
from lth_keras.training import batches

Split = whole_splits.Split

AUGMENTATIONS = ("none", "crop_flip")


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

    def tensors(self, split: str) -> tuple[tf.Tensor, tf.Tensor]:
        """A split's images and labels as tensors.

        They are in the memory of the arrays that `load` made, which must not change
        then: a data set of gigabytes is held once.

        Args:
          split: "train", "validation" or "test".
        """
        images, labels = getattr(self, split)
        return memory.shared(images), memory.shared(labels)

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
        tensors = self.tensors("train")

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
    split with labels, its validation split serves; where it has neither, and for
    digits, a fifth of the examples does, the same fifth for every seed.

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
        validation_size = count("validation_size", validation_size, 1, "examples")
    seed = count("seed", seed, 0, "a number for the split")
    raw = _digits() if name == "digits" else tfds_reader.read(name, data_dir)
    images, labels = raw.train
    kept, held_out = normalising.split(len(images), validation_size, seed, name)
    shape, statistics = images.shape[1:], normalising.statistics_of(images, kept)
    constants = normalising.images_of(shape, raw.white, statistics)
    test = np.arange(len(raw.test[0]))
    return Data(
        name=name,
        train=(normalising.floats(images, kept, *constants), labels[kept]),
        validation=(
            normalising.floats(images, held_out, *constants),
            labels[held_out],
        ),
        test=(normalising.floats(raw.test[0], test, *constants), raw.test[1]),
        classes=raw.classes,
    )


# The same of what does not fit in memory, or has images of several sizes.
open = streaming.opened


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
