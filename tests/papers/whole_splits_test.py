"""A whole split has the examples that TFDS's own pipeline gives, in its order."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.papers import tfds_reader
from tests.support import tiny_tfds


@pytest.mark.parametrize(
    ("kind", "ordered"),
    [("tfrecord", False), ("tfrecord", True), ("array_record", False)],
)
def test_files_that_tfds_reads_in_turn_are_read_in_its_order(
    monkeypatch, tmp_path, kind, ordered
):
    tfds = tiny_tfds.offline(monkeypatch)
    tiny_tfds.prepare_in_shards(tfds, tmp_path, "many", 700, 18, kind, ordered)
    images, labels = tfds_reader.read("many", str(tmp_path)).train
    builder = tfds.builder("many", data_dir=str(tmp_path))
    if kind == "array_record":
        theirs = builder.as_data_source(split="train")
    else:
        whole = builder.as_dataset(split="train", shuffle_files=False)
        theirs = whole.as_numpy_iterator()
    pairs = [(each["image"], each["label"]) for each in theirs]
    assert len(pairs) == 700
    assert np.array_equal(images, np.stack([image for image, _ in pairs]))
    assert labels.tolist() == [int(label) for _, label in pairs]
