"""Image classification sets of TensorFlow Datasets: opened, and read into memory.

Prepared data are read where they are; others are downloaded if the network answers,
and refused in one line if it does not. Used by `datasets` alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from lth_keras.errors import LotteryError
from lth_keras.papers import whole_splits
from lth_keras.papers.whole_splits import Split

_NETWORK_TIMEOUT = 10.0  # seconds


@dataclasses.dataclass(frozen=True, eq=False)
class Raw:
    """A set as stored: uint8 images, of which `white` is the brightest value."""

    train: Split
    test: Split
    classes: int
    white: int


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """A set that is prepared, nothing of it read.

    Attributes:
      builder: of TFDS.
      keys: names of the features that hold image and label.
      features: these two alone, of TFDS.
      classes: number of classes.
      held_out: name of the split that serves as the test split; empty without.
    """

    builder: Any
    keys: tuple[str, str]
    features: Any
    classes: int
    held_out: str


def fifth(size: int) -> tuple[np.ndarray, np.ndarray]:
    """(test, train): numbers of the examples, a fifth for a test split."""
    # In random order: the last examples of a set often come from other writers or
    # classes than the first, and would be a harder test.
    order = np.random.default_rng(0).permutation(size)
    test, train = np.split(order, [size // 5])
    return test, train


def hold_out_test(images: np.ndarray, labels: np.ndarray) -> tuple[Split, Split]:
    """(train, test): a fifth of a set without a test split, the same every time."""
    test, train = fifth(len(images))
    return (images[train], labels[train]), (images[test], labels[test])


def read(name: str, data_dir: str | None) -> Raw:
    """The train and test splits of a TFDS set, in memory.

    Args:
      name: the TFDS name of an image classification set.
      data_dir: directory of prepared TFDS data; None means TFDS's default.

    Raises:
      LotteryError: the set is unknown, no image classification, or neither prepared
        nor downloadable.
    """
    found = opened(name, data_dir)
    train = _read(name, found, "train")
    if found.held_out:
        return Raw(train, _read(name, found, found.held_out), found.classes, 255)
    return Raw(*hold_out_test(*train), found.classes, 255)


def opened(name: str, data_dir: str | None, several_sizes: bool = False) -> Opened:
    """A TFDS set, downloaded if it has to be.

    Args:
      name: the TFDS name of an image classification set.
      data_dir: directory of prepared TFDS data; None means TFDS's default.
      several_sizes: whether images may be of several sizes.

    Raises:
      LotteryError: as of `read`.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise LotteryError(
            f"dataset={name!r} needs TensorFlow Datasets ({error}); run: "
            "pip install tensorflow-datasets importlib_resources"
        ) from error
    builder = _builder(tfds, name, data_dir)
    with _without_warnings():
        keys = _image_and_label(tfds, name, builder.info, several_sizes)
        prepared = builder.is_prepared()
    if not prepared:
        _download(tfds, name, builder)
    splits = builder.info.splits
    if "train" not in splits:
        raise LotteryError(
            f"dataset={name!r} has no train split, only {', '.join(splits)}; use "
            "another data set."
        )
    held_out = [split for split in ("test", "validation") if split in splits]
    # imagenet2012 keeps the labels of its test split to itself.
    if len(held_out) == 2 and not _has_labels(builder, keys[1], "test"):
        del held_out[0]
    return Opened(
        builder,
        keys,
        _decoders(tfds, keys).extract_features(builder.info.features),
        builder.info.features[keys[1]].num_classes,
        held_out[0] if held_out else "",
    )


def check_labels(name: str, found: Opened, split: str) -> None:
    """Looks at the first example of a split that is not read here.

    Raises:
        LotteryError: it has no label, as in splits whose labels are kept secret.
    """
    if not _has_labels(found.builder, found.keys[1], split):
        raise _without_labels(name, split)


def _has_labels(builder: Any, key: str, split: str) -> bool:
    import tensorflow_datasets as tfds

    place = f"{split}[:1]"
    if builder.info.file_format.value == "array_record":
        first = builder.as_data_source(split=place)
    else:
        first = builder.as_dataset(split=place, decoders=_decoders(tfds, (key,)))
    return all(int(example[key]) >= 0 for example in first)


def _without_labels(name: str, split: str) -> LotteryError:
    return LotteryError(
        f"dataset={name!r} has no labels in its {split} split; use another set."
    )


def _decoders(tfds: Any, keys: tuple[str, ...]) -> Any:
    return tfds.decode.PartialDecoding(dict.fromkeys(keys, True))


def _builder(tfds: Any, name: str, data_dir: str | None) -> Any:
    with _without_warnings():
        try:
            builder = tfds.builder(name, data_dir=data_dir)
        except tfds.core.DatasetNotFoundError as error:
            raise LotteryError(
                f"dataset={name!r} is unknown; use digits, or the TFDS name of any "
                "image classification set, such as mnist, fashion_mnist or cifar10."
            ) from error
        # Names are parsed, and builders of single sets run, with errors of all kinds.
        except Exception as error:
            raise LotteryError(
                f"dataset={name!r} cannot be opened ({_first_line(error)}); use "
                "digits, or the TFDS name of any image classification set."
            ) from error
        if not builder.is_prepared() and ":" not in name:
            # The data may have been prepared at a version TFDS no longer makes.
            with contextlib.suppress(Exception):
                builder = tfds.builder(f"{name}:*.*.*", data_dir=data_dir)
        return builder


def _image_and_label(
    tfds: Any, name: str, info: Any, several_sizes: bool
) -> tuple[str, str]:
    """The features that hold the image and the label, checked."""
    keys = info.supervised_keys
    if not keys or len(keys) != 2 or not all(isinstance(key, str) for key in keys):
        keys = ("image", "label")
    features = info.features
    image, label = (dict(features).get(key) for key in keys)
    if not (
        isinstance(image, tfds.features.Image)
        and isinstance(label, tfds.features.ClassLabel)
    ):
        raise LotteryError(
            f"dataset={name!r} is not image classification (it has "
            f"{', '.join(features)}); use a set with one image and one class label."
        )
    dtype = tf.as_dtype(image.np_dtype)
    if several_sizes and image.shape[-1] and dtype == tf.uint8:
        return keys
    if None in image.shape or dtype != tf.uint8:
        raise LotteryError(
            f"dataset={name!r} has images of shape {image.shape} and type "
            f"{dtype.name}; use a set whose images are uint8 and all of "
            "one size, or datasets.open(name, size=(height, width))."
        )
    return keys


def _download(tfds: Any, name: str, builder: Any) -> None:
    reason = _unreachable(builder.url_infos or {})
    if not reason:
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        try:
            builder.download_and_prepare(download_config=config)
            return
        # Every set has its own preparation code, with its own errors.
        except Exception as error:  # noqa: BLE001
            reason = _first_line(error)
    raise LotteryError(
        f"dataset={name!r} is not prepared in {builder.data_dir} and could not be "
        f"downloaded ({reason}); pass data_dir (--data_dir), a directory where TFDS "
        "has prepared it."
    )


def _unreachable(urls: Any) -> str:
    """Why the first of `urls` does not answer; empty if it does.

    TFDS's own downloader retries for minutes and sets no time limit.
    """
    for url in urls:
        if not url.startswith("http"):
            continue
        request = urllib.request.Request(url, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=_NETWORK_TIMEOUT).close()
        except urllib.error.HTTPError as error:
            # Some hosts refuse HEAD but serve the file.
            return f"HTTP status {error.code}" if error.code >= 500 else ""
        except OSError as error:
            return f"no network: {_first_line(error)}"
        break
    return ""


def _read(name: str, found: Opened, split: str) -> Split:
    import tensorflow_datasets as tfds

    images, labels = whole_splits.read(
        name, found.builder, found.keys, _decoders(tfds, found.keys), split
    )
    if len(labels) and labels.min() < 0:
        raise _without_labels(name, split)
    return images, labels


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    # TFDS warns of every directory that is not prepared yet, ahead of our one line.
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
