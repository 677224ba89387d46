"""TensorBoard summaries by level, read back from the event files."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import plugin_data_pb2

import lth_keras as lth
from lth_keras.search import tensorboard_masks
from tests.support import small_search as small

X, Y = small.data()


def events(folder) -> list[tuple[int, tf.compat.v1.Summary.Value]]:
    """(step, value) of all summaries in a folder."""
    return [
        (event.step, value)
        for path in sorted(folder.iterdir())
        for record in tf.data.TFRecordDataset(str(path))
        for event in [tf.compat.v1.Event.FromString(record.numpy())]
        for value in event.summary.value
    ]


def written(directory) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted((directory / "lottery").iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, []).append((event.step, number))
    return {name: sorted(points) for name, points in found.items()}


@pytest.mark.slow
def test_the_distances_of_masks_are_a_curve_of_each_level(tmp_path) -> None:
    search = lth.LotterySearch(
        small.kept(),
        1,
        str(tmp_path / "run"),
        stop=lth.MaskConverged(threshold=0.0),
        log_dir=str(tmp_path / "logs"),
    )
    history = search.fit(X, Y, batch_size=10, epochs=3, verbose=0)
    curve = history.curves[0]
    points = zip(curve["iteration"], curve["mask_distance"], strict=True)
    found = written(tmp_path / "logs")
    assert found["mask_distance/level00"] == [
        (step, pytest.approx(value)) for step, value in points if value is not None
    ]
    assert "mask_distance/level01" not in found


@pytest.mark.slow
def test_each_level_has_its_densities_and_results(tmp_path) -> None:
    search = lth.LotterySearch(
        small.kept(), 2, str(tmp_path / "run"), log_dir=str(tmp_path / "logs")
    )
    history = search.fit(
        X, Y, batch_size=10, verbose=0, validation_data=(X, Y), test_data=(X, Y)
    )
    (control,) = lth.controls.run(search, "noise:sigma=0.5", levels=[1])
    found = written(tmp_path / "logs")
    for name in ("density", "test_accuracy", "validation_loss", "early_stop_iteration"):
        assert found[name] == [
            (row["level"], pytest.approx(np.float32(row[name])))
            for row in history.results
        ]
    kernels = [found[name] for name in sorted(found) if name.startswith("density/")]
    assert kernels == [
        [(0, 1.0), (1, pytest.approx(34 / 48)), (2, pytest.approx(24 / 48))],
        [(0, 1.0), (1, pytest.approx(17 / 24)), (2, pytest.approx(12 / 24))],
    ]
    # A session for each run, whose parameters HParams shows.
    runs = tmp_path / "logs" / "runs"
    name = "trial0-level01-noise,sigma=0.5-r0"
    sessions = [f"trial0-level{level:02d}" for level in range(3)]
    assert sorted(p.name for p in runs.iterdir()) == sorted([*sessions, name])
    values = dict((value.tag, value) for _, value in events(runs / name))
    accuracy = float(tf.make_ndarray(values["test_accuracy"].tensor))
    assert accuracy == pytest.approx(control["test_accuracy"])
    content = values["_hparams_/session_start_info"].metadata.plugin_data.content
    told = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert told.hparams["control"].string_value == "noise"
    assert told.hparams["sigma"].number_value == 0.5
    assert told.hparams["level"].number_value == 1
    # Pictures of each level's masks.
    tags = {(step, value.tag) for step, value in events(tmp_path / "logs" / "masks")}
    kinds = ("kept", "density_by_unit", "mask")
    assert tags == {
        (level, f"{kind}/{weight.path}")
        for level in range(3)
        for kind in kinds
        for weight in search.network.pruned
    }


def test_an_image_of_a_mask_is_white_where_it_keeps() -> None:
    mask = np.array([[True, False, True], [False, False, True]])
    image = tensorboard_masks.mask_image(mask)
    assert image.shape == (1, 2, 3, 1)
    np.testing.assert_array_equal(image[0, :, :, 0], mask)
    large = np.zeros((512, 3), bool)
    large[:3] = True
    image = tensorboard_masks.mask_image(large)
    assert image.shape == (1, 256, 3, 1)
    np.testing.assert_allclose(image[0, :3, 0, 0], [1, 0.5, 0])


@pytest.mark.parametrize(("inputs", "channels"), [(1, 1), (3, 3), (4, 1)])
def test_filters_are_shown_side_by_side_with_zero_in_the_middle(
    inputs: int, channels: int
) -> None:
    kernel = np.zeros((2, 3, inputs, 5), np.float32)
    kernel[0, 0, :, 1] = 0.25
    kernel[1, 2, :, 1] = -0.25
    image = tensorboard_masks.filters_image(kernel)
    # Two rows of three, a line between, each entry 8 pixels.
    assert image.shape == (1, 2 * 3 * 8, 3 * 4 * 8, channels)
    small_one = image[0, ::8, ::8, 0]
    np.testing.assert_allclose(small_one[:2, :3], 0.5)
    np.testing.assert_allclose(small_one[:2, 4:7], [[1, 0.5, 0.5], [0.5, 0.5, 0]])
    np.testing.assert_allclose(small_one[2], 1)
