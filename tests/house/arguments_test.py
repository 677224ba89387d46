"""An argument of any kind is what it may be, or one line says what it may be."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from lth_keras import arguments, errors
from lth_keras.errors import LotteryError


class _Silent:
    """Cannot be shown, and raises when it is asked for a number."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __index__(self) -> int:
        raise RuntimeError

    def __float__(self) -> float:
        raise RuntimeError


def refusal(function, *given) -> str:
    with pytest.raises(LotteryError) as caught:
        function(*given)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 500
    return text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        (np.arange(4).reshape(2, 2), "array([[0, 1], [2, 3]])"),
        ("x" * 1000, "'" + "x" * 196 + "..."),
        (10**5000, "<int>"),
        (_Silent(), "<_Silent>"),
        ("caf\udce9\0", r"'caf\udce9\x00'"),
    ],
    ids=["lines", "array", "long", "digits", "silent", "letters"],
)
def test_every_value_is_shown_in_one_line(value, text):
    assert errors.shown(value) == text


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_a_count_is_a_whole_number_of_any_library(value):
    found = arguments.count("levels", value, 0, "rounds", 3)
    assert (type(found), found) == (int, 3)


@pytest.mark.parametrize(
    "value",
    [-1, 4, 2.0, "3", b"3", None, True, np.bool_(True), 1j, [3], 10**400, _Silent()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_count_in_its_range_is_refused(value):
    said = refusal(arguments.count, "levels", value, 0, "rounds", 3)
    assert re.match(r"levels=.*: give rounds, 0 to 3\.$", said)


def test_a_count_without_an_upper_end_fits_64_bits():
    assert arguments.count("seed", 2**63 - 1, 0, "a seed") == 2**63 - 1
    said = refusal(arguments.count, "seed", 2**63, 0, "a seed")
    assert said == f"seed={2**63}: give a seed, 0 or more."


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array(0.5)])
def test_a_number_is_a_float(value):
    assert arguments.number(value) == 0.5


@pytest.mark.parametrize(
    "value",
    ["0.5", b"0.5", True, None, 1j, 10**400, [0.5], _Silent(), math.nan],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_nan_which_no_range_holds(value):
    assert math.isnan(arguments.number(value))


def test_a_switch_is_on_or_off():
    on, off = [True, np.bool_(True), 1], [False, np.bool_(False), 0]
    assert [arguments.switch("overwrite", value) for value in on] == [True] * 3
    assert [arguments.switch("overwrite", value) for value in off] == [False] * 3
    for value in ("no", None, 2, [], np.array([True, False]), 1.0):
        said = refusal(arguments.switch, "overwrite", value)
        assert said.startswith("overwrite=") and said.endswith("use True or False.")


def test_what_is_among_some_values_is_of_their_kind():
    assert arguments.among("crop", ("crop", True))
    assert arguments.among(None, (None, "int8"))
    for value in (1, np.array(["crop", "crop"]), ["crop"], None, _Silent()):
        assert not arguments.among(value, ("crop", True))


def test_a_list_is_read_once_and_has_an_end():
    assert arguments.listed("levels", (n for n in (1, 2)), "a list") == [1, 2]
    assert arguments.listed("levels", np.array([1, 2]), "a list") == [1, 2]
    for value in (3, None, "12", b"12", np.array(3)):
        assert "give a list." in refusal(arguments.listed, "levels", value, "a list")
    said = refusal(arguments.listed, "levels", itertools.count(), "a list", 5)
    assert said == "levels=count(6) has more than 5 items: give a list."


def test_a_function_takes_what_it_will_be_given():
    for value in (lambda layer: 0.2, lambda *a: 0.2, np.abs, print, (0.2).__add__):
        assert arguments.function("rate", value, "f(layer)", [None]) is value
    for value in (0.2, None, "f", int):
        assert "is no function: write f(layer)." in refusal(
            arguments.function, "rate", value, "f(layer)", [None]
        )
    said = refusal(arguments.function, "rate", lambda: 0.2, "f(layer)", [None])
    assert said.endswith("takes (): write f(layer).")


@pytest.mark.parametrize("text", ["a", "caf\u00e9", "\U0001f3b2", "a b\n"])
def test_text_in_utf_8_can_be_a_file_or_a_flag(text):
    assert arguments.unusable(text) == ""


@pytest.mark.parametrize("text", ["a\0", "caf\udce9"])
def test_what_no_file_can_be_named_has_a_reason(text):
    assert arguments.unusable(text)
