"""Weights put on masks, bit for bit as np.where puts them."""

import ml_dtypes
import numpy as np
import pytest

from lth_keras.pruning import masks
from lth_keras.tickets import packing

AWKWARD = [-1.5, -0.0, 0.0, np.nan, np.inf, -np.inf, 2.0, 1e-40]
MASK = np.array([0, 0, 1, 0, 1, 0, 1, 1], bool)


def bits(array):
    return np.ascontiguousarray(array).view(np.uint8).tolist()


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "c8", "c16", ml_dtypes.bfloat16, "i4", "?"]
)
def test_pruned_entries_are_plus_zero_and_kept_ones_keep_every_bit(dtype, in_place):
    with np.errstate(invalid="ignore"):
        values = np.array(AWKWARD).astype(dtype)
    before = values.copy()
    expected = np.where(MASK, values, np.zeros((), values.dtype))
    found = masks.apply(values, MASK, in_place)
    assert found.dtype == values.dtype and bits(found) == bits(expected)
    assert in_place or bits(values) == bits(before)


def test_what_may_not_be_written_is_copied_and_stays():
    values = np.array(AWKWARD, np.float32)
    before = bits(values)
    values.flags.writeable = False
    found = masks.apply(values, MASK, in_place=True)
    assert bits(values) == before and found[0] == 0


def test_a_stray_is_found_wherever_it_is():
    kept = np.random.default_rng(0).random((700, 300)) < 0.5
    values = np.where(kept, np.float32(3), np.float32(0))
    assert not masks.has_strays(values, kept)
    assert not masks.has_strays(np.where(kept, 3, 0.5), kept, 0.5)
    for place in (np.argmin(kept), kept.size - 1 - np.argmin(kept.ravel()[::-1])):
        values.flat[place] = np.nan
        assert masks.has_strays(values, kept)
        values.flat[place] = 0
    assert masks.has_strays(values, kept, 0.5)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_what_is_packed_piece_by_piece_is_what_a_mask_takes_at_once(share):
    rng = np.random.default_rng(1)
    mask = rng.random((600, 333)) < share
    values = masks.apply(rng.standard_normal(mask.shape, np.float32), mask)
    for found in (packing.kept(values, mask), packing.packed(values, mask)):
        np.testing.assert_array_equal(found, values[mask])
    np.testing.assert_array_equal(packing.scattered(values[mask], mask), values)


def test_minus_zero_where_a_mask_prunes_is_no_zero_to_leave_out():
    mask, values = np.array([True, False]), np.array([1.0, -0.0], np.float32)
    assert packing.packed(values, mask) is values


def test_nothing_is_packed_of_an_array_without_entries():
    empty = np.zeros((0, 3), np.float32)
    assert packing.packed(empty, np.ones((0, 3), bool)).size == 0
