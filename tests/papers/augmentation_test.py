"""Crops and flips are what NumPy says they may be, and depend on the step alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.papers import augmentation
from lth_keras.training import batches

SIZE, BATCH = 30, 10
SEED, LEVEL = 7, 2


def plain(start: int = 0, level: int = LEVEL) -> tf.data.Dataset:
    """Batches of images of 5x4x3 with no two pixels alike, and their numbers."""
    images = np.arange(1, SIZE * 60 + 1, dtype=np.float32).reshape(SIZE, 5, 4, 3)
    return batches.batches(
        (images, np.arange(SIZE)), BATCH, seed=SEED, level=level, start=start
    )


def augmented(
    start: int = 0, seed: int = SEED, level: int = LEVEL, pad: int = 1
) -> tf.data.Dataset:
    return augmentation.crop_flip(
        plain(start), seed=seed, level=level, start=start, pad=pad
    )


def taken(dataset: tf.data.Dataset, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def possible(image: np.ndarray, pad: int) -> dict[bytes, tuple[int, int, bool]]:
    """Every result of the augmentation, with its offsets and whether it is flipped."""
    height, width, _ = image.shape
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)))
    found = {}
    for top, left in itertools.product(range(2 * pad + 1), repeat=2):
        crop = padded[top : top + height, left : left + width]
        found[crop.tobytes()] = top, left, False
        found[crop[:, ::-1].tobytes()] = top, left, True
    return found


def test_every_image_is_a_crop_of_its_padded_source_and_labels_stay():
    choices = []
    for (images, labels), (source, numbers) in zip(
        taken(augmented(), 200), taken(plain(), 200), strict=True
    ):
        assert np.array_equal(labels, numbers)
        assert (images.shape, images.dtype) == (source.shape, source.dtype)
        for image, original in zip(images, source, strict=True):
            choices.append(possible(original, pad=1)[image.tobytes()])
    tops, lefts, flips = np.transpose(choices)
    # 2,000 images: five standard deviations around the expected counts.
    for offsets in (tops, lefts):
        assert np.all(np.abs(np.bincount(offsets, minlength=3) - 2000 / 3) < 106)
    assert abs(flips.sum() - 1000) < 112
    places = np.bincount(6 * tops + 2 * lefts + flips, minlength=18)
    assert np.all(np.abs(places - 2000 / 18) < 52)


@pytest.mark.slow
def test_four_pixels_of_padding_are_the_default():
    default = augmentation.crop_flip(plain(), seed=SEED, level=LEVEL)
    for (images, _), (source, _) in zip(
        taken(default, 20), taken(plain(), 20), strict=True
    ):
        for image, original in zip(images, source, strict=True):
            # A crop of nothing but padding would be any of several places.
            assert not image.any() or image.tobytes() in possible(original, pad=4)
    two = taken(augmented(pad=4), 20)
    assert all(
        np.array_equal(a[0], b[0]) for a, b in zip(taken(default, 20), two, strict=True)
    )


@pytest.mark.parametrize(
    "start", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 7))]
)
def test_a_stream_from_a_later_step_has_the_same_pixels(start):
    whole, part = taken(augmented(), 12)[start:], taken(augmented(start), 12 - start)
    for (images, labels), (again, numbers) in zip(whole, part, strict=True):
        assert np.array_equal(images, again)
        assert np.array_equal(labels, numbers)


@pytest.mark.slow
def test_seeds_levels_and_steps_have_crops_of_their_own():
    def first(**changed: int) -> np.ndarray:
        return taken(augmented(**changed), 1)[0][0]

    assert np.array_equal(first(), first())
    assert not np.array_equal(first(), first(seed=8))
    assert not np.array_equal(first(), first(seed=2**40))
    assert not np.array_equal(first(), first(level=3))
    constant = tf.data.Dataset.from_tensors(
        (np.arange(1, 601, dtype=np.float32).reshape(10, 5, 4, 3), np.arange(10))
    ).repeat()
    (one, _), (two, _) = taken(
        augmentation.crop_flip(constant, seed=SEED, level=LEVEL), 2
    )
    assert not np.array_equal(one, two)


def test_the_dataset_looks_like_the_plain_one():
    dataset = augmented()
    assert dataset.element_spec == plain().element_spec
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    assert augmentation.crop_flip(plain().take(3), seed=0, level=0).cardinality() == 3
    assert not dataset.options().autotune.enabled
