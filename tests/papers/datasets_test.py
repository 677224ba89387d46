"""Data sets come normalised, split by seed, and with one line when they cannot."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.papers import datasets, tfds_reader
from tests.support.tiny_tfds import offline, prepare


@pytest.fixture
def tfds(monkeypatch):
    return offline(monkeypatch)


def sorted_rows(array: np.ndarray) -> np.ndarray:
    """The images as rows, in an order that forgets the one they came in."""
    rows = array.reshape(len(array), -1)
    return rows[np.lexsort(rows.T)]


def test_digits_are_split_into_1259_179_and_359_images():
    data = datasets.load("digits")
    assert data.name == "digits"
    assert data.classes == 10
    assert data.input_shape == (8, 8, 1)
    # 1,797 images: a fifth for the test, an eighth of the rest for validation.
    for (x, y), size in zip(
        (data.train, data.validation, data.test), (1_259, 179, 359), strict=True
    ):
        assert x.shape == (size, 8, 8, 1) and x.dtype == np.float32
        assert y.shape == (size,) and y.dtype == np.int64
        assert x.min() == 0 and x.max() == 1
        assert set(y) == set(range(10))


def test_digits_hold_each_of_scikit_learns_images_once():
    from sklearn.datasets import load_digits

    data = datasets.load("digits", seed=3)
    parts = [part[0] for part in (data.train, data.validation, data.test)]
    expected = (load_digits().images / 16).astype(np.float32)
    assert np.array_equal(sorted_rows(np.concatenate(parts)), sorted_rows(expected))


def test_images_keep_their_labels():
    from sklearn.datasets import load_digits

    digits = load_digits()
    label_of = {
        (image / 16).astype(np.float32).tobytes(): label
        for image, label in zip(digits.images, digits.target, strict=True)
    }
    data = datasets.load("digits", seed=1)
    for x, y in (data.train, data.validation, data.test):
        assert [label_of[image.tobytes()] for image in x] == y.tolist()


def test_the_seed_moves_the_validation_split_but_not_the_test_split():
    first, again, other = (datasets.load("digits", seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.validation[0], again.validation[0])
    assert np.array_equal(first.train[1], again.train[1])
    assert not np.array_equal(first.validation[0], other.validation[0])
    assert np.array_equal(first.test[0], other.test[0])
    assert np.array_equal(first.test[1], other.test[1])


def test_the_validation_size_can_be_chosen():
    data = datasets.load("digits", validation_size=38)
    assert len(data.validation[1]) == 38
    assert len(data.train[1]) == 1_400


def test_a_stream_gives_whole_training_batches_by_level_and_seed():
    data = datasets.load("digits")
    stream = data.stream(60)
    x, y = stream(2, 7).element_spec
    assert (x.shape, y.shape) == ((60, 8, 8, 1), (60,))

    def labels(*args, **kwargs):
        dataset = itertools.islice(stream(*args, **kwargs), 3)
        return [batch[1].numpy().tolist() for batch in dataset]

    assert labels(level=2, seed=7) == labels(2, 7)
    assert labels(2, 7, start=1)[:2] == labels(2, 7)[1:]
    assert labels(3, 7) != labels(2, 7) != labels(2, 8)


def test_an_augmented_stream_has_the_plain_ones_labels_and_other_pixels():
    data = datasets.load("digits")
    plain, augmented = data.stream(60), data.stream(60, augment="crop_flip")
    assert plain.__qualname__ == "Data.stream.<locals>.level_batches"
    assert augmented.__qualname__ == "Data.stream.<locals>.augmented_batches"
    assert augmented(1, 7).element_spec == plain(1, 7).element_spec

    def taken(stream, start):
        return list(
            itertools.islice(stream(1, 7, start).as_numpy_iterator(), 5 - start)
        )

    (_, labels), (images, _) = taken(plain, 0)[2], taken(augmented, 0)[2]
    late, numbers = taken(augmented, 2)[0]
    assert np.array_equal(numbers, labels)
    assert np.array_equal(late, images)
    assert not np.array_equal(images, taken(plain, 0)[2][0])


def test_an_unknown_augmentation_is_refused():
    with pytest.raises(LotteryError, match="augment='cutout' is unknown; use none or"):
        datasets.load("digits").stream(60, augment="cutout")


def test_a_stream_of_batches_larger_than_the_training_set_is_refused():
    with pytest.raises(LotteryError, match="batch_size=1260 is more than the 1259"):
        datasets.load("digits").stream(1_260)


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


def test_a_constant_channel_becomes_zero():
    array = np.zeros((3, 2, 2, 2), np.uint8)
    array[..., 0] = 77
    array[0, ..., 1] = 9
    (floats,) = datasets._normalised(255, array)
    assert not floats[..., 0].any()
    assert np.std(floats[..., 1]) == pytest.approx(1, abs=1e-6)


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


def one_line(*args, **kwargs) -> str:
    with pytest.raises(LotteryError) as error:
        datasets.load(*args, **kwargs)
    assert "\n" not in str(error.value)
    return str(error.value)


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


@pytest.mark.parametrize("size", [0, -1, float("nan"), 5_000.0, "5000", 1_438])
def test_a_validation_size_that_is_no_count_or_leaves_no_training_set_is_refused(size):
    assert f"validation_size={size!r}" in one_line("digits", validation_size=size)


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_seed_that_is_no_count_is_refused(seed):
    assert f"seed={seed!r} is not allowed" in one_line("digits", seed=seed)


@pytest.mark.parametrize(
    "name, module, fix",
    [
        ("digits", "sklearn.datasets", "pip install scikit-learn"),
        ("mnist", "tensorflow_datasets", "pip install tensorflow-datasets"),
    ],
)
def test_a_missing_package_is_named_with_its_install_line(
    name, module, fix, monkeypatch
):
    monkeypatch.setitem(sys.modules, module, None)
    assert fix in one_line(name)


@pytest.mark.shared_data
def test_mnist_has_55000_training_5000_validation_and_10000_test_images(
    shared_data_dir,
):
    data = datasets.load("mnist", data_dir=str(shared_data_dir))
    parts = (data.train, data.validation, data.test)
    assert [len(y) for _, y in parts] == [55_000, 5_000, 10_000]
    # Class counts of MNIST as published.
    counts = np.bincount(np.concatenate([data.train[1], data.validation[1]]))
    assert counts.tolist() == [
        *(5_923, 6_742, 5_958, 6_131, 5_842),
        *(5_421, 5_918, 6_265, 5_851, 5_949),
    ]
    assert data.train[0].min() == 0 and data.train[0].max() == 1
    # The published mean of the training pixels.
    pixels = np.concatenate([data.train[0], data.validation[0]])
    assert pixels.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)


@pytest.mark.shared_data
def test_cifar10_has_45000_training_images_with_standard_channels(shared_data_dir):
    data = datasets.load("cifar10", data_dir=str(shared_data_dir))
    assert data.train[0].shape == (45_000, 32, 32, 3)
    assert len(data.test[1]) == 10_000
    pixels = data.train[0].reshape(-1, 3)
    np.testing.assert_allclose(pixels.mean(0, dtype=np.float64), 0, atol=1e-4)
    np.testing.assert_allclose(pixels.std(0, dtype=np.float64), 1, atol=1e-4)
