"""Exports are reloaded where nothing of ours is, and wrong ones are refused."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from lth_keras import verification
from lth_keras.compat import LotteryError
from lth_keras.verification import Case, Difference, Found, Written, verify


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
    run = verification._run
    monkeypatch.setattr(
        verification, "_run", lambda *given: runs.append(given) or run(*given)
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


def judged(monkeypatch: pytest.MonkeyPatch, format_: str, **row) -> list[Found]:
    """What `verify` makes of what a process found."""
    rows = [{"differences": {}, "latencies": [], "loaders": [], **row}]
    monkeypatch.setattr(verification, "_in_fresh_process", lambda *given: rows)
    return verify([Written(format_, "place", "asked/for", (), 1e-3)])


def test_a_wrong_output_is_named_with_its_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = {"y": {"absolute": 8.0, "scale": 16.0}}
    message = "asked/for was not written: output 'y' of the export is off by 8 .0.5 of"
    with pytest.raises(LotteryError, match=message):
        judged(monkeypatch, "saved_model", differences=wrong)


def test_small_outputs_are_compared_absolutely(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"y": {"absolute": 1e-5, "scale": 1e-6}}
    (found,) = judged(monkeypatch, "tflite", differences=small)
    assert found.differences == {"y": Difference(1e-5, 1e-5)}


@pytest.mark.parametrize("format_", verification.FORMATS)
def test_what_does_not_load_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    with pytest.raises(LotteryError, match="does not load and run") as caught:
        judged(monkeypatch, format_, error="OSError: no\nsuch file")
    assert "no such file" in str(caught.value)
    assert ("register" in str(caught.value)) == (format_ == "keras")


@pytest.mark.slow
def test_neither_this_package_nor_tfmot_nor_keras_can_be_imported(
    tmp_path: pathlib.Path,
) -> None:
    # A program in the place of the one that reloads.
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import importlib, os\n"
        "def main(folder):\n"
        "    assert 'TF_USE_LEGACY_KERAS' not in os.environ\n"
        "    import tensorflow\n"
        "    for name in ('lth_keras', 'tensorflow_model_optimization', 'tf_keras',"
        " 'keras'):\n"
        "        try:\n"
        "            importlib.import_module(name)\n"
        "        except ImportError:\n"
        "            continue\n"
        "        raise SystemExit(name + ' was there')\n"
    )
    program = verification._BOOTSTRAP.format(
        blocked=verification._BLOCKED, program=str(probe), folder=str(tmp_path)
    )
    verification._run(program, str(tmp_path), 300)


def test_a_process_that_fails_is_reported_with_its_last_line(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(LotteryError, match="failed: ValueError: broken"):
        verification._run("raise ValueError('broken')", str(tmp_path), 60)


def test_a_process_that_hangs_is_ended(tmp_path: pathlib.Path) -> None:
    with pytest.raises(LotteryError, match="took over 0 s"):
        verification._run(
            "import threading; threading.Event().wait()", str(tmp_path), 0.2
        )


def test_texts_are_stored_without_pickle(tmp_path: pathlib.Path) -> None:
    place = str(tmp_path / "a.npz")
    texts = np.array([b"a b", "c"], object)
    verification._store(place, {"x/y": texts, "z": np.array([True])})
    with np.load(place, allow_pickle=False) as stored:
        assert stored["names"].tolist() == ["x/y", "z"]
        assert stored["value0"].tolist() == ["a b", "c"]
        assert stored["value1"].tolist() == [True]


def test_the_worst_output_is_the_largest_relative_one() -> None:
    found = Found({"a": Difference(5.0, 0.1), "b": Difference(1.0, 0.5)}, (), ())
    assert found.largest == Difference(1.0, 0.5)
    assert Found({}, (), ()).largest == Difference(0.0, 0.0)
