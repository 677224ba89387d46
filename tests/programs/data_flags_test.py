"""--data, --image_size and --augment: what goes with what, and the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from lth_keras.programs import options
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.inputs import Inputs
from tests.support.tiny_tfds import offline, prepare


def read(*arguments: str) -> options.Options:
    return options.read(["lottery_search.py", *arguments], "About.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--data=streamed"], "digits come with scikit-learn: use --data=memory"),
        (["--image_size=64"], "--image_size=64 goes with --data=streamed"),
        (["--dataset=cifar10", "--augment=area_flip"], "it goes with --data=streamed"),
    ],
)
def test_what_does_not_go_with_where_the_data_are_is_refused(given, said):
    with pytest.raises(FlagError, match=said):
        read(*given)


def test_the_paper_crops_by_area_where_stored_images_are_read():
    given = ("--dataset=imagenet2012", "--model=resnet50")
    assert read(*given).augment == "crop_flip"
    assert read(*given, "--data=streamed").augment == "area_flip"
    assert read(*given, "--data=streamed", "--augment=none").augment == "none"
    assert read("--dataset=cifar10", "--data=streamed").augment == "none"


def test_streamed_or_in_memory_the_batches_are_the_same_bits(tmp_path, monkeypatch):
    tfds = offline(monkeypatch)
    sizes = {"train": 24, "test": 8}
    prepare(tfds, tmp_path, "cifar10", (32, 32, 3), sizes, "3.0.2")
    common = ("--dataset=cifar10", f"--data_dir={tmp_path}", "--batch_size=4")
    held, streamed = (
        Inputs(read(*common, f"--data={where}")) for where in ("memory", "streamed")
    )
    assert held.input_shape == streamed.input_shape == (32, 32, 3)
    assert held.classes == streamed.classes == 10
    for split in ("train", "validation", "test"):
        assert held.size(split) == streamed.size(split)
    batches = zip(
        held.stream()(2, 5, start=3).take(4),
        streamed.stream()(2, 5, start=3).take(4),
        strict=True,
    )
    for (x, y), (images, labels) in batches:
        assert np.array_equal(x, images) and np.array_equal(y, labels)
    (whole,) = streamed.evaluated("test")
    assert np.array_equal(whole[0], held.evaluated("test")[0])
