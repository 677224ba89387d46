"""JSON of anybody's: strict, of a depth that can be walked, of texts that are text."""

from __future__ import annotations

import json

import pytest

from lth_keras.errors import LotteryError
from lth_keras.storage import files


@pytest.mark.parametrize("depth", [101, 5_000, 100_000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_one_line(tmp_path, depth, pair) -> None:
    path = tmp_path / "a.json"
    path.write_text(pair[0] * depth + "1" + pair[1] * depth)
    with pytest.raises(LotteryError, match="line 1 is corrupt: it is nested"):
        files.read_json(path)
    with pytest.raises(LotteryError, match="line 1 is corrupt: it is nested"):
        files.read_jsonl(path)


def test_what_models_have_is_no_deep_nesting(tmp_path) -> None:
    path = tmp_path / "a.json"
    value: object = 1
    for _ in range(100):
        value = [value]
    path.write_text(json.dumps(value))
    assert files.read_json(path) == value
    # Many lists side by side, and brackets in a text, are none either.
    wide = ["[" * 500, *([] for _ in range(500))]
    path.write_text(json.dumps(wide))
    assert files.read_json(path) == wide


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1" * 5_000, "line 1 is corrupt: "),
        ('"\\ud800"', "a text in it is not Unicode"),
        ('{"\\uDC00": 1}', "a text in it is not Unicode"),
        ("Infinity", "Infinity is not strict JSON"),
        ("", "Expecting value"),
    ],
)
def test_what_cannot_be_written_again_is_refused(tmp_path, text, reason) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(LotteryError, match=reason) as error:
        files.read_json(path)
    assert len(str(error.value)) < 400


def test_pairs_of_surrogates_are_text(tmp_path) -> None:
    path = tmp_path / "a.json"
    path.write_text('"\\ud83c\\udfab"')
    assert files.read_json(path) == "\N{TICKET}"
