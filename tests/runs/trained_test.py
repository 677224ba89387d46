"""Trained weights are stored packed by their mask, and come back bit for bit."""

from __future__ import annotations

import os
import pathlib

import ml_dtypes
import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import trained
from lth_keras.runs.layout import LevelDirectory
from lth_keras.storage import arrays, files
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets.content import TicketContent, TicketWeight

RNG = np.random.default_rng(0)


def finished(
    folder: pathlib.Path, weights: list[tuple[np.ndarray, np.ndarray | None]]
) -> tuple[LevelDirectory, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A run's place with the ticket of these (weight, mask), and both by name."""
    place = LevelDirectory(str(folder))
    found = [
        TicketWeight("d", "Dense", str(i), np.zeros_like(value), mask)
        for i, (value, mask) in enumerate(weights)
    ]
    ticket_files.save(TicketContent(tuple(found), level=4), place.ticket)
    names = [f"{i:04d}/d/{i}" for i in range(len(weights))]
    values = {n: v for n, (v, _) in zip(names, weights, strict=True)}
    masks = {n: m for n, (_, m) in zip(names, weights, strict=True) if m is not None}
    return place, values, masks


def bits(value: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return value.dtype.name, value.shape, value.tobytes()


def test_level_4_takes_at_most_1_8_bytes_a_weight(tmp_path: pathlib.Path) -> None:
    mask = RNG.random((784, 300)) < 0.8**4
    value = np.where(mask, RNG.normal(size=mask.shape), 0).astype(np.float32)
    place, values, masks = finished(tmp_path, [(value, mask)])
    trained.write(place, values, masks)
    assert os.path.getsize(place.trained_weights) < 1.8 * mask.size
    (found,) = trained.read(place).values()
    assert bits(found) == bits(value)


def test_all_dtypes_and_shapes_come_back_bit_for_bit(tmp_path: pathlib.Path) -> None:
    vector, cube = np.array([True, False, True]), RNG.random((3, 4, 5)) < 0.3
    weights = [
        # A kept zero with a sign is no pruned one.
        (np.array([-0.0, 0, 2], np.float32), vector),
        (np.where(cube, 7, 0).astype(np.float16), cube),
        (np.where(cube, 7, 0).astype(ml_dtypes.bfloat16), cube),
        (np.ones((2, 2), np.float32), np.ones((2, 2), bool)),
        (np.zeros((2, 2), np.float32), np.zeros((2, 2), bool)),
        (np.arange(4), None),
    ]
    place, values, masks = finished(tmp_path, weights)
    trained.write(place, values, masks)
    found = trained.read(place)
    assert list(found) == list(values)
    assert [bits(v) for v in found.values()] == [bits(v) for v in values.values()]


@pytest.mark.parametrize("outside", [3.0, -0.0])
def test_what_is_not_zero_where_its_mask_prunes_is_stored_whole(
    tmp_path: pathlib.Path, outside: float
) -> None:
    mask = np.array([[True, False], [False, True]])
    value = np.where(mask, 1, outside).astype(np.float32)
    place, values, masks = finished(tmp_path, [(value, mask)])
    trained.write(place, values, masks)
    (stored,) = arrays.read_arrays(place.trained_weights).values()
    assert bits(stored) == bits(value)
    (found,) = trained.read(place).values()
    assert bits(found) == bits(value)


def test_files_of_earlier_versions_hold_all_entries(tmp_path: pathlib.Path) -> None:
    mask = np.array([[True, False], [False, True]])
    value = np.where(mask, 5, 0).astype(np.float32)
    place, values, _ = finished(tmp_path, [(value, mask)])
    digest = arrays.write_arrays(place.trained_weights, values)
    files.write_json(place.trained_manifest, {"sha256": {"weights.npz": digest}})
    (found,) = trained.read(place).values()
    assert bits(found) == bits(value)


def test_values_of_another_mask_are_refused(tmp_path: pathlib.Path) -> None:
    mask = np.array([[True, False], [False, True]])
    place, values, _ = finished(tmp_path, [(np.zeros((2, 2), np.float32), mask)])
    for number in (0, 1, 3):
        wrong = {name: np.ones(number, np.float32) for name in values}
        trained.write(place, wrong, {})
        with pytest.raises(LotteryError, match="is not of the same network") as caught:
            trained.read(place)
        assert "\n" not in str(caught.value)
