"""A whole split of TensorFlow Datasets in memory, in the order in which TFDS reads it.

TFRecord files are read and parsed many examples at a time, which is several times as
fast as TFDS's own pipeline, of an example at a time; the arrays are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.papers import records

_CHUNK = 1000  # images
Split = tuple[np.ndarray, np.ndarray]


def read(
    name: str, builder: Any, keys: tuple[str, str], decoders: Any, split: str
) -> Split:
    """Its uint8 images, which are all of one size, and int64 labels.

    Args:
        name: of the data set, for what is said.
        builder: of TFDS, prepared.
        keys: names of the features that hold image and label.
        decoders: of TFDS, for these two alone.
        split: its name.

    Raises:
        LotteryError: the files cannot be read, or hold other examples than declared.
    """
    size = builder.info.splits[split].num_examples
    shape = builder.info.features[keys[0]].shape
    images, labels = np.empty((size, *shape), np.uint8), np.empty(size, np.int64)
    places, kind = np.arange(size), builder.info.file_format.value
    if kind == "tfrecord":
        places, dataset = _of_files(builder, keys, split, shape)
    elif kind == "array_record":  # Which TFDS reads by number alone.
        dataset = _by_number(name, builder, keys, split, shape)
    else:
        dataset = _of_tfds(builder, decoders, split)
    found = 0
    try:
        for batch in _arrays(dataset, keys):
            where = places[found : found + len(batch[1])]
            found += len(batch[1])
            if found > size:
                break
            images[where], labels[where] = batch
    except (OSError, tf.errors.OpError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LotteryError(
            f"dataset={name!r} cannot be read from {builder.data_dir} ({reason}); "
            "prepare it again."
        ) from error
    if found != size:
        more = "more than " if found > size else ""
        raise LotteryError(
            f"dataset={name!r} has {more}{min(found, size)} {split} examples in "
            f"{builder.data_dir}, not the {size} it declares; prepare it again."
        )
    return images, labels


def _arrays(dataset: Any, keys: tuple[str, str]) -> Iterator[Split]:
    if isinstance(dataset, tf.data.Dataset):
        options = tf.data.Options()
        # The autotuner would keep the end of the read waiting for its next wake-up.
        options.autotune.enabled = False
        dataset = dataset.with_options(options)
    for batch in dataset:
        yield batch[keys[0]].numpy(), batch[keys[1]].numpy()


def _of_files(
    builder: Any, keys: tuple[str, str], split: str, shape: tuple[int, ...]
) -> tuple[np.ndarray, Any]:
    """(index of each example of the files, one file after another; batches of them)."""
    info = builder.info.splits[split]
    cycle = 1 if builder.info.disable_shuffling else records.CYCLE
    order = records.order(info.shard_lengths, cycle)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    files = tf.data.TFRecordDataset([str(path) for path in info.filepaths])
    parser = tf.autograph.experimental.do_not_convert(_parser(keys, shape))
    batches = files.batch(_CHUNK).map(
        parser, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return places, batches


def _by_number(
    name: str, builder: Any, keys: tuple[str, str], split: str, shape: tuple[int, ...]
) -> Iterator[Any]:
    stored = records.Records.of(builder, split, name)
    parsed = tf.function(_parser(keys, shape), autograph=False, reduce_retracing=True)
    for begin in range(0, len(stored), _CHUNK):
        numbers = np.arange(begin, min(begin + _CHUNK, len(stored)))
        yield parsed(tf.constant(stored.read(numbers), tf.string))


def _parser(keys: tuple[str, str], shape: tuple[int, ...]) -> Callable[[Any], Any]:
    """f(stored examples) -> images and labels by the names of their features."""
    image, label = keys
    features = {
        image: tf.io.FixedLenFeature([], tf.string),
        label: tf.io.FixedLenFeature([], tf.int64),
    }

    def decoded(stored: Any) -> Any:
        found = tf.io.decode_image(stored, channels=shape[-1], expand_animations=False)
        return tf.ensure_shape(found, shape)

    def parsed(batch: Any) -> dict[str, Any]:
        found = tf.io.parse_example(batch, features)
        spec = tf.TensorSpec(shape, tf.uint8)
        images = tf.map_fn(decoded, found[image], fn_output_signature=spec)
        return {image: images, label: found[label]}

    return parsed


def _of_tfds(builder: Any, decoders: Any, split: str) -> Any:
    import tensorflow_datasets as tfds

    whole = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=decoders,
        # The arrays that are made of it are the cache.
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    return whole.batch(_CHUNK)
