"""results.jsonl gets a line for each run, and is in order whenever a job has ended."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.runs import layout
from lth_keras.runs.result_lines import ResultLines
from lth_keras.runs.stored import StoredSearch
from lth_keras.storage import files
from tests.support.result_files import row, store


def unread() -> list[dict[str, Any]]:
    raise AssertionError("other runs have been read")


@pytest.fixture
def path(tmp_path) -> pathlib.Path:
    return tmp_path / "results.jsonl"


def text(*rows: dict[str, Any]) -> str:
    """The file of these rows, by Python's own JSON."""
    return "".join(json.dumps(each) + "\n" for each in rows)


def test_no_other_run_is_read_when_one_has_finished(path):
    path.write_text(text(row(0)))
    lines = ResultLines(str(path), unread)
    lines.add(row(1))
    lines.add(row(2, test_accuracy=float("nan"), parameters={"name": "ä"}))
    *found, last = path.read_text().splitlines()
    assert found == text(row(0), row(1)).splitlines()
    # As in result.json, where there is no word for NaN.
    assert json.loads(last) == row(2, test_accuracy=None, parameters={"name": "ä"})


def test_neither_does_a_search_read_them(tmp_path):
    controls = [row(1, "random_reinit", replicate=number) for number in range(9)]
    places = [store(tmp_path, each) for each in (row(0), row(1), *controls)]
    settings = {"levels": 1, "seed": 0, "trial": 0}
    files.write_json(tmp_path / "search.json", {"settings": settings})
    one = lth.LotterySearch.load(tmp_path)
    one.store_results()
    for place in places:
        pathlib.Path(place.result).write_text("{")
    told: list[dict[str, Any]] = []
    one.on_result = told.append
    one.store_results(row(1, "random_mask"))
    assert told == [row(1, "random_mask")]
    path = tmp_path / "results.jsonl"
    assert path.read_text() == text(row(0), row(1), *controls, *told)


@pytest.mark.parametrize("before", [None, text(row(0)) + text(row(1))[:40]])
def test_a_file_that_lacks_a_line_is_made_from_what_is_stored(before, path):
    if before is not None:
        path.write_text(before)
    rows = [row(0), row(1), row(2)]
    ResultLines(str(path), lambda: rows).add(row(2))
    assert path.read_text() == text(*rows)


def test_a_link_in_its_place_becomes_a_file(path, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("kept\n")
    path.symlink_to(outside)
    ResultLines(str(path), lambda: [row(0)]).add(row(0))
    assert outside.read_text() == "kept\n"
    assert not path.is_symlink() and path.read_text() == text(row(0))


def test_lines_are_in_order_when_a_block_has_ended(path):
    rows = [row(0), row(1), row(1, "noise")]
    lines = ResultLines(str(path), lambda: rows)
    path.write_text("")
    with lines.in_order():
        for each in (rows[0], rows[2], rows[1]):
            lines.add(each)
        assert path.read_text() == text(rows[0], rows[2], rows[1])
    assert path.read_text() == text(*rows)


def test_an_error_of_the_block_comes_first_and_leaves_them_in_order(path):
    rows = [row(0), row(1)]
    lines = ResultLines(str(path), lambda: rows)
    path.write_text("")
    with pytest.raises(KeyboardInterrupt), lines.in_order():
        lines.add(rows[1])
        raise KeyboardInterrupt
    assert path.read_text() == text(*rows)

    def unreadable() -> list[dict[str, Any]]:
        raise LotteryError("result.json is corrupt")

    lines = ResultLines(str(path), unreadable)
    with pytest.raises(KeyboardInterrupt), lines.in_order():
        lines.add(rows[1])
        raise KeyboardInterrupt
    with pytest.raises(LotteryError, match="is corrupt"), lines.in_order():
        lines.add(rows[1])


def test_nothing_is_written_where_nothing_was_added_or_is_stored(path):
    lines = ResultLines(str(path), lambda: [])
    lines.store()
    with lines.in_order():
        pass
    assert not path.exists()
    path.write_text(text(row(0)))
    lines.store()  # The run has been removed since.
    assert path.read_text() == ""


def test_levels_come_first_and_then_the_controls_by_name_and_level(tmp_path):
    rows = [
        row(0),
        row(2),
        row(11),
        row(2, "noise", parameters={"sigma": 0.5}, replicate=1),
        row(1, "random_reinit"),
        row(2, "random_reinit"),
    ]
    for each in reversed(rows):
        store(tmp_path, each)
    found = StoredSearch(tmp_path)
    path = layout.RunDirectory(str(tmp_path)).results
    ResultLines(path, lambda: found.results).store()
    assert pathlib.Path(path).read_text() == text(*rows)
