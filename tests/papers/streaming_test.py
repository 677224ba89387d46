"""datasets.open: what stays on the disk gives the bits of what is read into memory."""

from __future__ import annotations

import io
import itertools
import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.papers import datasets
from tests.support.tiny_tfds import offline, prepare, prepare_in_shards


@pytest.fixture
def tfds(monkeypatch):
    return offline(monkeypatch)


def batches(dataset: tf.data.Dataset, count: int = 7) -> list[tuple[Any, Any]]:
    return [(x.numpy(), y.numpy()) for x, y in itertools.islice(dataset, count)]


def assert_same(found: list[Any], wanted: list[Any]) -> None:
    assert len(found) == len(wanted)
    for (x, y), (wanted_x, wanted_y) in zip(found, wanted, strict=True):
        assert x.dtype == wanted_x.dtype and y.dtype == wanted_y.dtype
        np.testing.assert_array_equal(x.view(np.uint32), wanted_x.view(np.uint32))
        np.testing.assert_array_equal(y, wanted_y)


@pytest.mark.parametrize(
    "augment", ["none", pytest.param("crop_flip", marks=pytest.mark.slow)]
)
def test_batches_are_those_of_the_data_in_memory_bit_for_bit(tfds, tmp_path, augment):
    sizes = {"train": 24, "test": 8}
    prepare(tfds, tmp_path, "cifar10", (32, 32, 3), sizes, "3.0.2")
    given = ("cifar10", str(tmp_path), 4, 5)
    memory, disk = datasets.load(*given), datasets.open(*given)
    assert disk.input_shape == memory.input_shape and disk.classes == memory.classes
    first, second = (data.stream(6, augment) for data in (memory, disk))
    for arguments in ((0, 1), (3, 1, 5)):
        ours, theirs = second(*arguments), first(*arguments)
        assert ours.element_spec == theirs.element_spec
        assert_same(batches(ours), batches(theirs))
    for split in ("train", "validation", "test"):
        found = batches(getattr(disk, split))
        x, y = (np.concatenate(parts) for parts in zip(*found, strict=True))
        assert_same([(x, y)], [getattr(memory, split)])
        assert int(getattr(disk, split).cardinality()) == len(found)


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [True, False])
def test_examples_in_several_files_have_the_order_in_which_tfds_reads_them(
    tfds, tmp_path, ordered
):
    prepare_in_shards(tfds, tmp_path, "many", 150, 3, "tfrecord", ordered)
    memory, disk = (
        make("many", str(tmp_path), validation_size=20)
        for make in (datasets.load, datasets.open)
    )
    first, second = memory.stream(32)(2, 9, 1), disk.stream(32)(2, 9, 1)
    assert_same(batches(second), batches(first))


@pytest.mark.slow
def test_array_record_files_have_the_order_of_their_data_source(tfds, tmp_path):
    prepare_in_shards(tfds, tmp_path, "many", 150, 3, "array_record", False)
    data = datasets.open("many", str(tmp_path), validation_size=20)
    source = tfds.data_source("many", split="test", data_dir=str(tmp_path))
    found = np.concatenate([y for _, y in batches(data.test)])
    assert found.tolist() == [int(example["label"]) for example in source]
    kept = np.random.default_rng(0).permutation(150)[20:]
    source = tfds.data_source("many", split="train", data_dir=str(tmp_path))
    found = np.concatenate([y for _, y in batches(data.train)])
    assert found.tolist() == [int(source[int(n)]["label"]) for n in kept]


def test_images_of_several_sizes_are_brought_to_one(tfds, tmp_path):
    write_photographs(tfds, tmp_path)
    with pytest.raises(LotteryError, match=r"open\(name, size=\(height, width\)\)"):
        datasets.load("photos", str(tmp_path))
    data = datasets.open(
        *("photos", str(tmp_path), 2),
        size=(14, 7),
        statistics=([10.0, 20.0, 30.0], [1.0, 2.0, 4.0]),
    )
    assert data.input_shape == (14, 7, 3)
    (x, y) = batches(data.test)[0]
    np.testing.assert_array_equal(x, np.broadcast_to([90.0, 40.0, 17.5], x.shape))
    assert y.tolist() == [0, 1]
    stream = data.stream(4, "area_flip")
    # A search that goes on tells by the name that its data are others.
    names = {data.stream(4, how).__qualname__ for how in ("none", "crop_flip")}
    assert len(names | {stream.__qualname__}) == 3
    all_batches = batches(stream(1, 3), 6)
    assert_same(batches(stream(1, 3, start=2), 4), all_batches[2:])
    assert not np.array_equal(all_batches[0][0], batches(stream(2, 3), 1)[0][0])


def test_an_area_is_drawn_for_each_example_of_each_step(tfds, tmp_path):
    prepare(tfds, tmp_path, "one", (24, 24, 1), {"train": 3, "test": 1}, "1.0.0")
    data = datasets.open("one", str(tmp_path), 1, size=(12, 12))
    seen = [x for x, _ in batches(data.stream(2, "area_flip")(0, 0), 4)]
    parts = {image.tobytes() for batch in seen for image in batch}
    assert len(parts) == 8  # Of two images.


def write_photographs(tfds: Any, data_dir: pathlib.Path) -> None:
    """Pictures of several sizes: noise to train on, grey JPEG to test on."""

    def stored(height: int, width: int) -> io.BytesIO:
        grey = np.full((height, width, 3), 100, np.uint8)
        return io.BytesIO(tf.io.encode_jpeg(grey, quality=100).numpy())

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(num_classes=2),
        }
    )
    rng = np.random.default_rng(0)
    sizes = [(21 + i, 16 + 2 * i) for i in range(10)]
    noise = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="photos",
        version="1.0.0",
        features=features,
        split_datasets={
            "train": [(i, {"image": x, "label": i % 2}) for i, x in enumerate(noise)],
            "test": [
                (i, {"image": stored(*size), "label": i % 2})
                for i, size in enumerate(sizes[:2])
            ],
        },
        data_dir=data_dir,
        disable_shuffling=True,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"threads": 0}, "threads=0"),
        ({"size": 32}, r"size=32: give \(height, width\)"),
        ({"statistics": ([1.0], [0.0])}, "the deviations above 0"),
        ({"validation_size": 12}, "validation_size=12 does not fit"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tfds, tmp_path, given, said):
    prepare(tfds, tmp_path, "one", (4, 4, 1), {"train": 12, "test": 1}, "1.0.0")
    with pytest.raises(LotteryError, match=said) as caught:
        datasets.open("one", str(tmp_path), **given)
    assert "\n" not in str(caught.value)


def test_files_that_were_cut_off_are_refused(tfds, tmp_path):
    prepare(tfds, tmp_path, "one", (4, 4, 1), {"train": 12, "test": 1}, "1.0.0")
    (record,) = tmp_path.glob("one/1.0.0/one-train*")
    record.write_bytes(record.read_bytes()[:-7])
    with pytest.raises(LotteryError, match="12 examples that it declares.; prepare it"):
        datasets.open("one", str(tmp_path))


@pytest.mark.parametrize("make", [datasets.load, datasets.open])
def test_validation_serves_where_labels_of_the_test_split_are_kept_secret(
    tfds, tmp_path, make
):
    def write(name: str, **sizes: int) -> None:
        given = (tfds, tmp_path, name, (4, 4, 1), {"train": 12, **sizes}, "1.0.0")
        prepare(*given, unlabelled=["test"])

    write("both", validation=3, test=2)
    data = make("both", str(tmp_path), 2)
    (_, y) = data.test if make is datasets.load else batches(data.test)[0]
    assert y.tolist() == [0, 1, 2]
    write("one", test=2)
    with pytest.raises(LotteryError, match="'one' has no labels in its test split"):
        make("one", str(tmp_path))


def test_an_unknown_augmentation_is_answered_with_those_there_are(tfds, tmp_path):
    prepare(tfds, tmp_path, "one", (4, 4, 1), {"train": 12, "test": 1}, "1.0.0")
    data = datasets.open("one", str(tmp_path))
    with pytest.raises(LotteryError, match="use none or crop_flip or area_flip"):
        data.stream(2, "crop")
