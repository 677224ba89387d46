"""TensorBoard summaries by level, read back from the event files."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from tests.support import small_search as small

X, Y = small.data()


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
    lth.controls.run(search, "random_reinit", levels=[1])
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
