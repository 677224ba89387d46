"""Files of weights that Keras writes: what they say they hold."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator

import h5py
import tensorflow as tf


def is_of_wrapped_model(path: str) -> bool | None:
    """Whether a file of weights was written by a model with pruning wrappers.

    Args:
        path: a `.keras` or HDF5 file, a SavedModel, or the prefix of a TensorFlow
            checkpoint.

    Returns:
        None where no such file is there, or none that can be read.
    """
    try:
        names = list(_names(path))
    except (
        *(OSError, KeyError, RuntimeError, ValueError),
        *(zipfile.BadZipFile, tf.errors.OpError),
    ):
        return None
    marks = ("pruning_step", "prune_by_level", "prune_low_magnitude", "PruneByLevel")
    return any(mark in name for name in names for mark in marks)


def _names(path: str) -> Iterator[str]:
    """What the weights, and the layers that hold them, are called in a file."""
    if os.path.isfile(path) and h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            found: list[str] = []
            file.visititems(lambda name, _: found.append(name))
            yield from found
        return
    if os.path.isfile(path) and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield archive.read("config.json").decode()
        return
    if os.path.isdir(path):
        path = os.path.join(path, "variables", "variables")
    reader = tf.train.load_checkpoint(path)
    yield from reader.get_variable_to_shape_map()
