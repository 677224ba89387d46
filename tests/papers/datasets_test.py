"""Data sets come normalised, split by seed, and with one line when they cannot."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.papers import datasets, memory, normalising
from tests.support.data_checks import one_line, sorted_rows


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


@pytest.mark.slow
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


def test_a_constant_channel_becomes_zero():
    array = np.zeros((3, 2, 2, 2), np.uint8)
    array[..., 0] = 77
    array[0, ..., 1] = 9
    every = np.arange(3)
    statistics = normalising.statistics_of(array, every)
    constants = normalising.images_of((2, 2, 2), 255, statistics)
    floats = normalising.floats(array, every, *constants)
    assert not floats[..., 0].any()
    assert np.std(floats[..., 1]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("size", [0, -1, float("nan"), 5_000.0, "5000", 1_438])
def test_a_validation_size_that_is_no_count_or_leaves_no_training_set_is_refused(size):
    assert f"validation_size={size!r}" in one_line("digits", validation_size=size)


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_seed_that_is_no_count_is_refused(seed):
    said = f"seed={seed!r}: give a number for the split, 0 or more"
    assert said in one_line("digits", seed=seed)


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
@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.shared_data
def test_cifar10_has_45000_training_images_with_standard_channels(shared_data_dir):
    data = datasets.load("cifar10", data_dir=str(shared_data_dir))
    assert data.train[0].shape == (45_000, 32, 32, 3)
    assert len(data.test[1]) == 10_000
    pixels = data.train[0].reshape(-1, 3)
    np.testing.assert_allclose(pixels.mean(0, dtype=np.float64), 0, atol=1e-4)
    np.testing.assert_allclose(pixels.std(0, dtype=np.float64), 1, atol=1e-4)


def test_tensors_are_in_the_memory_of_the_arrays_and_arrays_of_others_are_copied():
    data = datasets.load("digits")
    (images, labels), (array, _) = data.tensors("train"), data.train
    array[0, 0, 0, 0] = 7.0
    assert images[0, 0, 0, 0] == 7.0 and labels.dtype == "int64"
    odd = np.arange(17, dtype=np.float32)[1:]
    copied = memory.shared(odd)
    odd[0] = 9.0
    assert copied[0] == 1.0
