"""Fields of foreign objects have their kind, or are named in one line."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lth_keras.errors
from lth_keras.errors import LotteryError
from lth_keras.storage.fields import Record

NOTHING = object()
HOSTILE = (NOTHING, None, True, -1, 1.5, "7", [], {}, [7], 10**400, float("inf"))


def record(value) -> Record:
    return Record({} if value is NOTHING else {"a": value}, "file", "copy it")


@pytest.mark.parametrize(
    ("ask", "right"),
    [
        (lambda r: r.whole("a", most=9), []),
        (lambda r: r.number("a", optional=False), [-1, 1.5]),
        (lambda r: r.fraction("a"), []),
        (lambda r: r.text("a", re.compile("[a-z]+")), []),
        (lambda r: r.object("a"), [{}]),
        (lambda r: r.list("a"), [[], [7]]),
        (lambda r: r.whole("a", optional=True), [NOTHING, None]),
        (lambda r: r.number("a"), [NOTHING, None, -1, 1.5]),
        (lambda r: r.object("a", optional=True), [NOTHING, None, {}]),
        (lambda r: r.present("a"), HOSTILE[1:]),
    ],
)
def test_a_field_of_another_kind_is_one_line(ask, right) -> None:
    allowed = {repr(value) for value in right}
    for value in HOSTILE:
        if repr(value) in allowed:
            ask(record(value))
            continue
        with pytest.raises(LotteryError, match="^file has .*a.*: copy it.$") as error:
            ask(record(value))
        assert len(str(error.value)) < 400


def test_numbers_of_numpys_are_numbers() -> None:
    assert record(np.int64(3)).whole("a") == 3
    assert record(np.float32(0.5)).fraction("a") == 0.5
    with pytest.raises(LotteryError):
        record(np.bool_(True)).whole("a")


def test_what_is_no_object_has_no_fields() -> None:
    for value in ([], None, "x"):
        with pytest.raises(LotteryError, match="file is no JSON object: copy it."):
            Record(value, "file", "copy it")


def test_a_message_is_one_line_whatever_it_quotes() -> None:
    error = LotteryError("a\nb\x1b[2J\u2028c " + "x" * 5_000 + " " + "y " * 5_000)
    assert str(error).startswith("a b [2J c xxx")
    assert "x" * 201 not in str(error)
    assert len(str(error)) <= 4_000
    assert lth_keras.errors.shown("q" * 10**6) == "'" + "q" * 196 + "..."
    assert lth_keras.errors.shown(list(range(10**5)))[-5:].endswith("...")
    assert lth_keras.errors.shown([1, "a"]) == "[1, 'a']"
