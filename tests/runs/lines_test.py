"""Stored lines between networks, and what is said of several of them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import layout, lines, stability
from lth_keras.runs.lines import Line
from lth_keras.storage import files
from tests.support import result_files

ERRORS = [0.10, 0.50, 0.30]  # the largest minus the mean of the ends: 0.30


def line(errors=ERRORS, **others) -> Line:
    about = {"of": "ticket", "rewind_to": 100, "examples": 10}
    curves = {"interpolated": {"test_error": list(errors)}, **others}
    return Line([0.0, 0.5, 1.0], curves, "accuracy", {"test": 10}, about)


def store(root, errors=ERRORS, pair=(0, 1), **others) -> None:
    run = layout.RunDirectory(str(root))
    key = "weight_rewind,step=100it"
    for number in pair:
        result = result_files.row(2, "weight_rewind", replicate=number)
        place = run.control(key, 2, number)
        files.write_json(place.result, {**result, "parameters": {"step": "100it"}})
    lines.write(run.line(key, 2, *pair), line(errors, **others))


def test_instability_is_the_largest_error_minus_the_mean_of_the_ends():
    assert line().instability() == pytest.approx(30.0)
    assert line([0.5, 0.1, 0.3]).instability() == pytest.approx(10.0), "an end"
    assert line().instability("train") is None
    assert lines.rise([2.0, 9.0, 4.0], is_accuracy=False) == pytest.approx(6.0)


@pytest.mark.parametrize("examples", [{}, {"train": 10}])
def test_the_data_are_those_of_the_errors_whatever_was_counted(tmp_path, examples):
    """A Dataset does not say how many examples it has."""
    store(tmp_path)
    place = layout.RunDirectory(str(tmp_path)).line("weight_rewind,step=100it", 2, 0, 1)
    curves = {"test_error": ERRORS, "train_error": [0.0, 0.1, 0.0]}
    found = dataclasses.replace(
        line(), curves={"interpolated": curves}, examples=examples
    )
    lines.write(place, found)
    (one,) = stability.read(tmp_path)
    assert one.data == found.data == "test"
    assert one.instability == pytest.approx(30.0)


def test_recalibrated_statistics_are_meant_where_there_are_any():
    found = line(recalibrated={"test_error": [0.1, 0.2, 0.1]})
    assert found.statistics == "recalibrated"
    assert found.instability() == pytest.approx(10.0)
    assert found.instability(statistics="interpolated") == pytest.approx(30.0)
    assert line().statistics == "interpolated"


def test_what_is_written_is_read(tmp_path):
    found = line(recalibrated={"test_error": [0.1, 0.2, 0.1]})
    lines.write(str(tmp_path), found)
    assert lines.read(str(tmp_path)) == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alphas", [0.0]),
        ("alphas", [0.0, "half", 1.0]),
        ("curves", {}),
        ("curves", {"interpolated": {"test_error": [0.5]}}),
        ("curves", {"interpolated": [1.0, 2.0, 3.0]}),
        ("examples", {"test": -1}),
    ],
)
def test_a_damaged_line_is_refused_with_the_directory_to_remove(tmp_path, field, value):
    lines.write(str(tmp_path), line())
    path = tmp_path / "line.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(LotteryError, match=f"; remove {tmp_path} to train it again"):
        lines.read(str(tmp_path))


def test_the_lines_of_one_start_are_told_together(tmp_path):
    store(tmp_path / "trial0")
    store(tmp_path / "trial0", [0.1, 0.2, 0.1], (0, 2))
    store(tmp_path / "trial1", [0.2, 0.2, 0.2])
    # A line that a killed process did not finish is none.
    run = layout.RunDirectory(str(tmp_path / "trial1"))
    files.write_bytes(f"{run.line('weight_rewind,step=100it', 2, 1, 2)}/lock", b"\n")
    first, second = stability.read(tmp_path)
    assert (first.of, first.level, first.rewind_to) == ("ticket", 2, 100)
    assert first.pairs == ((0, 1), (0, 2)) and first.errors.shape == (2, 3)
    assert first.instability == pytest.approx((30 + 10) / 2)
    assert not first.is_stable and second.is_stable
    assert first.error == pytest.approx((0.1 + 0.3 + 0.1 + 0.1) / 4)
    assert np.array_equal(first.alphas, [0.0, 0.5, 1.0])
    assert "instability 20.00 points, 2 pairs" in repr(first)
    table = stability.table([first, second]).splitlines()
    head = "trial of level P_m % k instability interpolated error %"
    assert table[0].split() == head.split()
    assert table[1].split() == "0 ticket 2 64.0 100 20.00 20.00 15.00".split()


def test_lines_that_were_measured_in_two_ways_are_told_apart(tmp_path):
    """Of three children, of whom two were measured again at other places."""
    for pair in ((0, 1), (0, 2), (1, 2)):
        store(tmp_path, pair=pair)
    key = "weight_rewind,step=100it"
    place = layout.RunDirectory(str(tmp_path)).line(key, 2, 0, 1)
    curves = {"interpolated": {"test_error": [0.1, 0.3]}}
    again = dataclasses.replace(line(), alphas=[0.0, 1.0], curves=curves)
    lines.write(place, again)
    found = stability.read(tmp_path)
    assert [each.pairs for each in found] == [((0, 1),), ((0, 2), (1, 2))]
    assert [each.errors.shape for each in found] == [(1, 2), (2, 3)]
    assert len(stability.table(found).splitlines()) == 3


def test_nothing_measured_is_an_empty_list(tmp_path):
    assert stability.read(tmp_path) == []
