"""Exports are reloaded where nothing of ours is, and wrong ones are refused."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.export import cases, fresh_process, reloading, verification
from lth_keras.export.cases import Case, Written
from lth_keras.export.findings import Difference, Found
from lth_keras.export.verification import verify


class Doubler(tf.Module):
    """x -> 2 x."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def __call__(self, x):
        return {"y": x * 2.0}


def written(tmp_path: pathlib.Path, factor: float, **fields) -> Written:
    """A SavedModel that doubles, with outputs that expect `factor`."""
    place = tmp_path / "doubler"
    if not place.exists():
        module = Doubler()
        tf.saved_model.save(module, str(place), {"serving_default": module.__call__})
    x = np.array([[1.0, 2.0], [3.0, -4.0]], np.float32)
    return Written(
        format="saved_model",
        path=str(place),
        name="asked/for",
        cases=(Case({"x": x}, {"y": x * factor}),),
        tolerance=1e-3,
        **fields,
    )


@pytest.mark.slow
def test_several_exports_are_verified_in_one_process(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    run = reloading._run
    monkeypatch.setattr(
        reloading, "_run", lambda *given: runs.append(given) or run(*given)
    )
    right = written(tmp_path, 2.0, dense=str(tmp_path / "doubler"))
    # The largest value is 8: off by 0.004 is 0.0005 of it.
    close = written(tmp_path, 2.001)
    first, second = verify([right, close])
    assert len(runs) == 1
    assert first.loaders == ("tf.saved_model.load", "TF1 session loader")
    assert first.differences == {"y": Difference(0.0, 0.0)}
    assert [entry.batch for entry in first.latencies] == [1, 32]
    assert all(entry.sparse > 0 and entry.ratio > 0 for entry in first.latencies)
    assert second.differences["y"].absolute == pytest.approx(0.004, rel=1e-3)
    assert second.largest.relative == pytest.approx(0.004 / 8.004, rel=1e-3)
    assert second.latencies == ()


def judged(
    monkeypatch: pytest.MonkeyPatch, format_: str, tolerance: float = 1e-3, **row
) -> list[Found]:
    """What `verify` makes of what a process found."""
    seen = {name: [found] for name, found in row.pop("differences", {}).items()}
    rows = [{"differences": seen, "latencies": [], "loaders": [], **row}]
    monkeypatch.setattr(verification, "in_fresh_process", lambda *given: rows)
    return verify([Written(format_, "place", "asked/for", (), tolerance)])


def off(absolute: float, scale: float) -> dict[str, Any]:
    """An output as a process finds it."""
    return {
        "absolute": absolute,
        "scale": scale,
        "moves": 0.0,
        "stands_still": True,
        "rounding": 0.0,
        "loader": "a loader",
    }


def test_a_wrong_output_is_named_with_its_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = {"y": off(8.0, 16.0)}
    message = "asked/for was not written: output 'y' of the export is off by 8 .0.5 of"
    with pytest.raises(LotteryError, match=message):
        judged(monkeypatch, "saved_model", differences=wrong)


def test_small_outputs_are_compared_with_their_own_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The tolerance is 0.001 of 0.01, beside a millionth for rounding.
    (found,) = judged(monkeypatch, "tflite", differences={"y": off(1.05e-5, 0.01)})
    assert found.differences["y"].relative == pytest.approx(1.05e-3)
    with pytest.raises(LotteryError, match="off by 1.15e-05 .0.00115 of the largest"):
        judged(monkeypatch, "tflite", differences={"y": off(1.15e-5, 0.01)})
    with pytest.raises(LotteryError, match="off by 5e-05 .1 of the largest value"):
        judged(monkeypatch, "saved_model", differences={"y": off(5e-5, 5e-5)})


def test_what_rounding_leaves_of_large_sums_passes_and_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = {"zero": off(5e-7, 0.0), "rest": off(9e-5, 1e-4), "large": off(0.0, 100.0)}
    (found,) = judged(monkeypatch, "tflite", differences=noise)
    assert found.differences["zero"] == Difference(5e-7, None)
    assert found.differences["rest"].relative == pytest.approx(0.9)
    assert found.largest == Difference(5e-7, None)
    assert str(found.largest) == "5e-07 (all values expected are 0)"
    del noise["large"]
    with pytest.raises(LotteryError, match="'rest' .* 9e-05 .0.9 of the largest"):
        judged(monkeypatch, "tflite", differences=noise)
    with pytest.raises(LotteryError, match="1e-05 .all values expected are 0"):
        judged(monkeypatch, "tflite", differences={"zero": off(1e-5, 0.0)})


def test_an_output_where_large_values_cancel_may_be_off_by_their_rounding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest = {**off(4e-4, 1e-3), "rounding": 1.25e-4}
    (found,) = judged(monkeypatch, "tflite", differences={"y": rest})
    assert found.differences == {"y": Difference(4e-4, 0.4)}
    with pytest.raises(LotteryError, match="off by 0.0006 .0.6 of the largest value"):
        judged(monkeypatch, "tflite", differences={"y": {**rest, "absolute": 6e-4}})


def test_rounding_is_what_inputs_off_by_a_millionth_change() -> None:
    x = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]])
    calls = iter(range(9))

    def function(inputs: dict[str, Any]) -> dict[str, Any]:
        a, b = inputs["x"].T
        return {
            "cancels": 1e4 * (a - b),
            "keeps": a + b,
            "whole": np.array([len(inputs["n"])]),
            "random": np.array([next(calls)]),
            "text": np.array([b"a"], object),
        }

    inputs = {"x": x, "n": np.arange(3)}
    found = fresh_process._rounding(function, inputs, function(inputs))
    assert set(found) == {"cancels", "keeps", "whole"}
    # 1e4 * 4 * 2e-6 at most.
    assert 0.01 < found["cancels"] <= 0.08 * 1.001
    assert 0 < found["keeps"] <= 8e-6 * 1.001
    assert found["whole"] == 0


def test_an_output_that_no_longer_moves_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Within the 20 % that 8 bits may cause: 0.5 where 0.45 to 0.55 are expected.
    still = {**off(0.05, 0.55), "moves": 0.1, "stands_still": True}
    with pytest.raises(LotteryError, match="the same for all .* varies by 0.1"):
        judged(monkeypatch, "tflite", tolerance=0.2, differences={"y": still})
    # A dead network is constant itself, and 8 bits know no smaller step.
    for moves in (0.0, 0.01):
        dead = {**still, "moves": moves}
        judged(monkeypatch, "tflite", tolerance=0.2, differences={"y": dead})


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ([[1.0], [4.0]], [[1.0], [3.0]], (1.0, 3.0, 2.0, False)),
        ([[0.5], [0.5]], [[0.0], [-2.0]], (2.5, 2.0, 2.0, True)),
        ([[2.0, 7.0]], [[2.0, 7.0]], (0.0, 7.0, 0.0, True)),
        ([np.nan, 1.0], [np.nan, 1.0], (0.0, 1.0, 0.0, True)),
        ([np.nan, 1.0], [0.0, 1.0], (1e308, 1.0, 1.0, True)),
        ([np.inf, 1.0], [0.0, 1.0], (1e308, 1.0, 1.0, True)),
        (2.0, 3.0, (1.0, 3.0, 0.0, True)),
        ([b"a", b"b"], ["a", "b"], (0.0, 1.0, 0.0, False)),
        ([b"a", b"c"], ["a", "b"], (1.0, 1.0, 0.0, False)),
    ],
)
def test_outputs_are_compared_value_by_value(found, wanted, expected) -> None:
    row = fresh_process._difference(np.array(found), np.array(wanted))
    keys = ("absolute", "scale", "moves", "stands_still")
    assert tuple(row[key] for key in keys) == expected


@pytest.mark.parametrize("format_", cases.FORMATS)
def test_what_does_not_load_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    with pytest.raises(LotteryError, match="does not load and run") as caught:
        judged(monkeypatch, format_, error="OSError: no\nsuch file")
    assert "no such file" in str(caught.value)
    assert "register" not in str(caught.value)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            "TypeError: Could not locate class 'Odd'. Make sure. Full object config: "
            "{'module': None}",
            "'Odd'. Make sure. A class of your own must be importable",
        ),
        ("ValueError: a Lambda layer, `safe_mode=False`.", "Put what the Lambda"),
        (
            "TypeError: Error when deserializing class 'Lookup' using config={'a': 1}."
            "\n\nException encountered: Vocabulary file a.txt does not exist.",
            "class 'Lookup': Vocabulary file a.txt does not exist.",
        ),
    ],
)
def test_a_keras_file_that_does_not_load_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, reason: str, shown: str
) -> None:
    with pytest.raises(LotteryError) as caught:
        judged(monkeypatch, "keras", error=reason)
    assert shown in str(caught.value)
    assert "config" not in str(caught.value)
    assert ("register" in str(caught.value)) == ("Odd" in reason)


def test_the_worst_output_is_the_largest_relative_one() -> None:
    found = Found({"a": Difference(5.0, 0.1), "b": Difference(1.0, 0.5)}, (), ())
    assert found.largest == Difference(1.0, 0.5)
    assert Found({}, (), ()).largest == Difference(0.0, 0.0)


@pytest.mark.parametrize("which", [0, 1])
def test_every_loader_has_to_compute_what_the_model_does(
    monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    # The second is off by less, and allowed less by its own rounding.
    seen = [
        {**off(3e-3, 1.0), "rounding": 1e-3, "loader": "a loader"},
        {**off(1.5e-3, 1.0), "rounding": 1e-3, "loader": "another"},
    ]
    row = {"differences": {"y": seen}, "latencies": [], "loaders": []}
    monkeypatch.setattr(verification, "in_fresh_process", lambda *given: [row])
    item = Written("tflite", "place", "asked/for", (), 1e-3)
    (found,) = verify([item])
    assert found.differences == {"y": Difference(3e-3, 3e-3)}
    seen[which]["rounding"] = 0.0
    name = ("a loader", "another")[which]
    with pytest.raises(LotteryError, match=f"largest value. in {name}, and format"):
        verify([item])


@pytest.mark.parametrize("wrong", [off(1.0, 1.0), {**off(0.0, 1.0), "moves": 1.0}])
def test_a_refusal_says_what_to_do_and_never_to_skip_the_check(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    row = {"differences": {"y": [wrong]}, "latencies": [], "loaders": []}
    monkeypatch.setattr(verification, "in_fresh_process", lambda *given: [row])
    written = Written("saved_model", "p", "n", (), 0.1, remedy="use packed=False")
    with pytest.raises(LotteryError, match=": use packed=False.$") as caught:
        verify([written])
    assert "verify" not in str(caught.value)
