"""TFDS data of a few random images, written and read without a network."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest


def offline(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """TensorFlow Datasets with every way to a network closed."""
    close_network(monkeypatch)
    import tensorflow_datasets

    return tensorflow_datasets


def close_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets everything that asks the environment for a way to a network find none."""
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        # Nothing listens on the discard port.
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")


def images(count: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Random images, uint8 [count, *shape]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *shape), dtype=np.uint8)


def prepare(
    tfds: ModuleType,
    data_dir: Any,
    name: str,
    shape: tuple[int, ...],
    sizes: dict[str, int],
    version: str,
    classes: int = 10,
    label: Any = None,
    unlabelled: Any = (),
) -> dict[str, np.ndarray]:
    """Writes random images in TFDS's own format; returns them by split.

    Image i has label i modulo `classes`, or -1 in the splits named by `unlabelled`.
    """
    written = {split: images(size, shape, size) for split, size in sizes.items()}
    features = {
        "image": tfds.features.Image(shape=shape),
        "label": label or tfds.features.ClassLabel(num_classes=classes),
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=tfds.features.FeaturesDict(features),
        split_datasets={
            split: [
                (
                    number,
                    {
                        "image": image,
                        "label": -1 if split in unlabelled else number % classes,
                    },
                )
                for number, image in enumerate(array)
            ]
            for split, array in written.items()
        },
        data_dir=data_dir,
        disable_shuffling=True,
    )
    return written


def prepare_in_shards(
    tfds: ModuleType,
    data_dir: Any,
    name: str,
    size: int,
    shards: int,
    kind: str,
    ordered: bool,
) -> None:
    """Writes random colour images of 4 x 4 into several files of a format."""
    made = images(size, (4, 4, 3))
    features = {
        "image": tfds.features.Image(shape=(4, 4, 3)),
        "label": tfds.features.ClassLabel(num_classes=5),
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={
            split: [(i, {"image": x, "label": i % 5}) for i, x in enumerate(array)]
            for split, array in (("train", made), ("test", made[: max(9, shards)]))
        },
        data_dir=data_dir,
        file_format=kind,
        download_config=tfds.download.DownloadConfig(num_shards=shards),
        disable_shuffling=ordered,
    )
