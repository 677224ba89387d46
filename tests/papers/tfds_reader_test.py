"""TFDS data sets are read as they lie there, or refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.papers import datasets, tfds_reader
from tests.support.data_checks import one_line, sorted_rows
from tests.support.tiny_tfds import offline, prepare


@pytest.fixture
def tfds(monkeypatch):
    return offline(monkeypatch)


@pytest.mark.parametrize(
    "name, version", [("mnist", "3.0.1"), ("fashion_mnist", "3.0.1")]
)
def test_grey_tfds_images_are_scaled_to_the_unit_interval(
    tfds, tmp_path, name, version
):
    sizes = {"train": 40, "test": 9}
    written = prepare(tfds, tmp_path, name, (28, 28, 1), sizes, version)
    data = datasets.load(name, data_dir=str(tmp_path))
    assert data.classes == 10
    assert [len(part[1]) for part in (data.train, data.validation)] == [35, 5]
    rejoined = np.concatenate([data.train[0], data.validation[0]])
    expected = written["train"].astype(np.float32) / np.float32(255)
    assert np.array_equal(sorted_rows(rejoined), sorted_rows(expected))
    assert np.array_equal(data.test[0], written["test"] / np.float32(255))
    assert data.test[1].tolist() == list(range(9))
    assert data.test[0].dtype == np.float32 and data.test[1].dtype == np.int64


def test_colour_images_are_standardised_by_the_training_part(tfds, tmp_path):
    sizes = {"train": 24, "test": 8}
    written = prepare(tfds, tmp_path, "cifar10", (32, 32, 3), sizes, "3.0.2")
    data = datasets.load("cifar10", str(tmp_path), validation_size=4, seed=5)
    # The split as documented: a permutation by the seed, validation first.
    kept = written["train"][np.random.default_rng(5).permutation(24)[4:]]
    mean = kept.mean(axis=(0, 1, 2), dtype=np.float64)
    deviation = kept.std(axis=(0, 1, 2), dtype=np.float64)
    for part, raw in ((data.train[0], kept), (data.test[0], written["test"])):
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, (raw - mean) / deviation, atol=1e-5)
    assert data.input_shape == (32, 32, 3)


def test_a_set_of_ones_own_and_of_any_version_can_be_read(tfds, tmp_path):
    prepare(tfds, tmp_path, "my_blobs", (6, 5, 1), {"train": 16, "test": 3}, "1.2.3", 4)
    data = datasets.load("my_blobs", str(tmp_path))
    assert (data.input_shape, data.classes) == ((6, 5, 1), 4)
    prepare(tfds, tmp_path, "mnist", (28, 28, 1), {"train": 16, "test": 3}, "1.0.0")
    assert len(datasets.load("mnist", str(tmp_path)).test[1]) == 3


def test_a_validation_split_or_else_a_fixed_fifth_serves_as_the_missing_test_split(
    tfds, tmp_path
):
    sizes = {"train": 16, "validation": 5}
    written = prepare(tfds, tmp_path, "held_out", (4, 4, 1), sizes, "1.0.0")
    data = datasets.load("held_out", str(tmp_path))
    assert np.array_equal(data.test[0], written["validation"] / np.float32(255))

    prepare(tfds, tmp_path, "train_only", (4, 4, 1), {"train": 20}, "1.0.0")
    first, other = (
        datasets.load("train_only", str(tmp_path), seed=seed) for seed in (0, 1)
    )
    assert [len(part[1]) for part in (first.train, first.test)] == [14, 4]
    assert np.array_equal(first.test[0], other.test[0])


def test_reading_writes_nothing(tfds, tmp_path):
    prepare(tfds, tmp_path, "mnist", (28, 28, 1), {"train": 16, "test": 3}, "3.0.1")
    before = sorted(tmp_path.rglob("*"))
    datasets.load("mnist", str(tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_data_that_are_not_there_and_not_reachable_ask_for_a_data_dir(tfds, tmp_path):
    line = one_line("fashion_mnist", data_dir=str(tmp_path))
    assert line.startswith(f"dataset='fashion_mnist' is not prepared in {tmp_path}")
    assert "no network" in line and "--data_dir" in line
    assert not list(tmp_path.iterdir())


def test_a_download_that_breaks_off_asks_for_a_data_dir(tfds, tmp_path, monkeypatch):
    def broken(self, *, download_config):
        assert not download_config.try_download_gcs
        raise OSError("connection lost\nand more")

    monkeypatch.setattr(tfds_reader, "_unreachable", lambda urls: "")
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", broken)
    line = one_line("fashion_mnist", data_dir=str(tmp_path))
    assert "could not be downloaded (connection lost)" in line


def test_an_unknown_name_is_answered_with_what_is_known(tfds, tmp_path):
    line = one_line("mnits", data_dir=str(tmp_path))
    assert "dataset='mnits' is unknown; use digits, or the TFDS name of any" in line
    assert "cannot be opened" in one_line("not a name", data_dir=str(tmp_path))


def test_sets_that_are_no_image_classification_are_refused_before_a_download(
    tfds, tmp_path
):
    directory = str(tmp_path)
    assert "is not image classification" in one_line("imdb_reviews", directory)
    assert "shape (None, None, 3)" in one_line("stanford_dogs", directory)
    prepare(
        *(tfds, tmp_path, "regression", (4, 4, 1), {"train": 2}, "1.0.0"),
        label=tfds.features.Scalar(np.int64),
    )
    assert "is not image classification" in one_line("regression", directory)


def test_a_set_without_a_train_split_or_labels_is_refused(tfds, tmp_path):
    prepare(tfds, tmp_path, "no_train", (4, 4, 1), {"test": 2}, "1.0.0")
    assert "has no train split, only test" in one_line("no_train", str(tmp_path))
    sizes = {"train": 16, "test": 2}
    prepare(
        *(tfds, tmp_path, "no_labels", (4, 4, 1), sizes, "1.0.0"), unlabelled=["test"]
    )
    assert "has no labels in its test split" in one_line("no_labels", str(tmp_path))


def test_truncated_data_are_refused(tfds, tmp_path):
    prepare(tfds, tmp_path, "mnist", (28, 28, 1), {"train": 16, "test": 3}, "3.0.1")
    (record,) = tmp_path.glob("mnist/3.0.1/mnist-train*")
    record.write_bytes(record.read_bytes()[:-50])
    line = one_line("mnist", str(tmp_path))
    assert "cannot be read from" in line and "prepare it again" in line
