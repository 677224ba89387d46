"""Image classification sets of TFDS that do not fit in memory, read by number.

    data = datasets.open("imagenet2012", data_dir="/data", size=(224, 224))
    search.fit(data.stream(256), validation_data=data.validation, ...)

The batches of a level are those of `datasets.load`, bit for bit: the same order, images
and labels. What is held is a number for each example, and a few batches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.arguments import count
from lth_keras.errors import LotteryError, shown
from lth_keras.papers import augmentation, decoding, normalising, tfds_reader
from lth_keras.papers.decoding import Decoder
from lth_keras.papers.records import Records
from lth_keras.training import batches

_AHEAD = 2  # batches made before they are asked for
_READ = 100  # examples of a batch that is evaluated
_WHITE = 255


@dataclasses.dataclass(frozen=True, eq=False)
class Streamed:
    """A data set on disk.

    Attributes:
        name: the name that it was opened by.
        classes: number of classes; labels are 0 to `classes - 1`.
        records: the examples of "train", "validation" and "test".
        decoder: makes images and labels of what is stored.
        threads: examples that are decoded at a time.
    """

    name: str
    classes: int
    records: dict[str, Records]
    decoder: Decoder
    threads: int

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one image."""
        return self.decoder.shape

    @property
    def train(self) -> tf.data.Dataset:
        """One pass over the training examples, in batches to evaluate on."""
        return self._pass("train")

    @property
    def validation(self) -> tf.data.Dataset:
        """The same of those held out from training by the seed."""
        return self._pass("validation")

    @property
    def test(self) -> tf.data.Dataset:
        """The same of the test examples."""
        return self._pass("test")

    def size(self, split: str) -> int:
        """Examples of "train", "validation" or "test"."""
        return len(self.records[split])

    def stream(self, batch_size: int, augment: str = "none") -> Any:
        """Training batches as a function of (level, seed), for `LotterySearch.fit`.

        Args:
            batch_size: examples per batch, at most the size of the training set.
            augment: "none"; "crop_flip", as of data in memory; or "area_flip", a
                random part of the stored image of 8 to 100 % of its area, resized,
                and flipped (1409.4842, section 6), for images of several sizes.

        Returns:
            `f(level, seed, start=0)`, the endless batches of (image, label) for that
            level from that step on; all are whole.

        Raises:
            LotteryError: no whole batch fits into the training set, or the
                augmentation is unknown.
        """
        if augment not in decoding.AUGMENTATIONS:
            known = " or ".join(decoding.AUGMENTATIONS)
            raise LotteryError(f"augment={augment!r} is unknown; use {known}.")
        size = self.size("train")
        batches.steps_per_epoch(size, batch_size, drop_remainder=True)
        numbers = tf.range(size, dtype=tf.int64)

        def batches_of(level: int, seed: int, start: int, key: Any) -> tf.data.Dataset:
            chosen = batches.batches(
                (numbers,),
                batch_size,
                seed=seed,
                level=level,
                start=start,
                drop_remainder=True,
            )
            serialized = chosen.enumerate(start).map(
                lambda step, batch: self._read("train", batch[0], step),
                num_parallel_calls=_AHEAD,
                deterministic=True,
            )
            decoded = serialized.unbatch().map(
                lambda stored, draw: self.decoder(stored, key, draw),
                num_parallel_calls=self.threads,
                deterministic=True,
            )
            whole = decoded.batch(batch_size, drop_remainder=True)
            endless = whole.apply(
                tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
            )
            return endless.prefetch(_AHEAD)

        def level_batches(level: int, seed: int, start: int = 0) -> tf.data.Dataset:
            return batches_of(level, seed, start, None)

        def area_batches(level: int, seed: int, start: int = 0) -> tf.data.Dataset:
            return batches_of(level, seed, start, augmentation.key(seed, level))

        def augmented_batches(level: int, seed: int, start: int = 0) -> tf.data.Dataset:
            plain = level_batches(level, seed, start)
            return augmentation.crop_flip(plain, seed=seed, level=level, start=start)

        # A stored search knows its data by the name of the function.
        made = (level_batches, augmented_batches, area_batches)
        return dict(zip(decoding.AUGMENTATIONS, made, strict=True))[augment]

    def _pass(self, split: str) -> tf.data.Dataset:
        size = self.size(split)
        numbers = tf.data.Dataset.range(size).batch(_READ)
        options = tf.data.Options()
        options.autotune.enabled = False
        stored = numbers.map(
            lambda batch: self._read(split, batch, tf.constant(0, tf.int64)),
            num_parallel_calls=_AHEAD,
        )
        decoded = stored.unbatch().map(
            lambda stored, _: self.decoder(stored), num_parallel_calls=self.threads
        )
        counted = decoded.batch(_READ).apply(
            tf.data.experimental.assert_cardinality(-(-size // _READ))
        )
        return counted.prefetch(_AHEAD).with_options(options)

    def _read(self, split: str, numbers: Any, step: Any) -> tuple[Any, Any]:
        """The stored bytes of a batch, and a number for the draws of each example."""
        records = self.records[split]

        def look(numbers: np.ndarray) -> np.ndarray:
            return np.array(records.read(numbers), dtype=object)

        stored = tf.numpy_function(look, [numbers], tf.string, stateful=False)
        stored = tf.ensure_shape(stored, numbers.shape)
        size = tf.shape(numbers, tf.int64)[0]
        return stored, step * size + tf.range(size)


def opened(
    name: str,
    data_dir: str | None = None,
    validation_size: int | None = None,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    statistics: tuple[Sequence[float], Sequence[float]] | None = None,
    threads: int = 4,
) -> Streamed:
    """Opens a data set whose images stay on the disk.

    Args:
        name: the TFDS name of an image classification set.
        data_dir: directory of prepared TFDS data, local; None means TFDS's default.
        validation_size: examples taken from the training set for validation, as of
            `load`: the same ones.
        seed: chooses the validation examples, at least 0.
        size: (height, width) that images are brought to: resized so that they cover
            8/7 of it (256 for 224), and cut to the middle. None leaves them; images of
            several sizes need one.
        statistics: mean and standard deviation of each channel, of values from 0 to
            255. None finds those of the training images, in a pass over them.
        threads: examples that are decoded at a time.

    Returns:
        The data.

    Raises:
        LotteryError: the data are not prepared, are no image classification, are
            stored so that they cannot be read by number, or an argument is not allowed.
    """
    count("threads", threads, 1, "examples decoded at a time")
    count("seed", seed, 0, "a number for the split")
    if validation_size is not None:
        count("validation_size", validation_size, 1, "examples")
    found = tfds_reader.opened(name, data_dir, several_sizes=size is not None)
    decoder = Decoder.of(found.features, found.keys, _checked(size))
    for split in ("train", found.held_out):
        if split:
            tfds_reader.check_labels(name, found, split)
    train = Records.of(found.builder, "train", name)
    if found.held_out:
        test = Records.of(found.builder, found.held_out, name)
    else:
        places, others = tfds_reader.fifth(len(train))
        test, train = train.chosen(places), train.chosen(others)
    kept, held_out = normalising.split(len(train), validation_size, seed, name)
    records = {
        "train": train.chosen(kept),
        "validation": train.chosen(held_out),
        "test": test,
    }
    data = Streamed(name, found.classes, records, decoder, threads)
    given = _statistics(statistics, decoder.shape[-1])
    if given is None and decoder.shape[-1] > 1:
        given = normalising.channel_statistics(_stored(data), decoder.shape)
    constants = normalising.images_of(decoder.shape, _WHITE, given)
    return dataclasses.replace(data, decoder=decoder.normalised(*constants))


def _stored(data: Streamed) -> Iterator[np.ndarray]:
    """The training images as they are stored, uint8, some at a time."""
    for images, _ in data.train:
        yield images.numpy()


def _checked(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise LotteryError(f"size={shown(size)}: give (height, width) in pixels.")
    height, width = (count("size", each, 1, "pixels") for each in size)
    return height, width


def _statistics(given: Any, channels: int) -> tuple[np.ndarray, np.ndarray] | None:
    if given is None:
        return None
    try:
        mean, deviation = (np.asarray(each, np.float64) for each in given)
        fits = mean.shape == deviation.shape == (channels,) and (deviation > 0).all()
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise LotteryError(
            f"statistics={shown(given)}: give (mean, standard deviation) with a number "
            f"for each of the {channels} channels, the deviations above 0."
        )
    return mean, deviation
