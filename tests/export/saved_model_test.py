"""SavedModel exports of real models, reloaded and run."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import keras_file, saved_model, staging
from tests.support import masked_models, model_zoo
from tests.support.export_models import exported, heads, ticket

layers = keras.layers


def probabilities(model: keras.Model, inputs: dict[str, Any]) -> Any:
    return {"probability": tf.nn.softmax(model(inputs["pixels"], training=False))}


def from_bytes(model: keras.Model, inputs: dict[str, Any]) -> Any:
    pixels = tf.cast(tf.io.decode_raw(inputs["raw"], tf.uint8), tf.float32)
    return model(tf.reshape(pixels, [-1, 40]) / 255.0, training=False)


def run(path: Any, **inputs: Any) -> dict[str, np.ndarray]:
    loaded = tf.saved_model.load(str(path))
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    found = loaded.signatures["serving_default"](**tensors)
    return {name: value.numpy() for name, value in found.items()}


def test_an_export_is_reloaded_in_a_fresh_process_and_smaller(
    tmp_path: pathlib.Path,
) -> None:
    wrapped = ticket()
    report = saved_model.export_saved_model(wrapped, tmp_path / "m", verbose=False)
    assert report.largest_difference < 1e-5
    assert "TF1 session loader" in report.found.loaders
    assert report.bytes < report.dense_bytes
    assert [x.stored for x in report.layers[::2]] == ["bitmask", "bitmask", "dense"]
    x = model_zoo.floats(3, 40)
    np.testing.assert_allclose(
        run(tmp_path / "m", pixels=x)["logits"], wrapped(x), atol=1e-5
    )


@pytest.mark.slow
def test_exports_are_right_in_a_fresh_process_and_smaller(
    tmp_path: pathlib.Path,
) -> None:
    wrapped, several = ticket(), masked_models.masked(lth.wrap(heads()), 0.1)
    before = [w.numpy() for w in wrapped.weights]
    extra = {
        "probabilities": probabilities,
        "raw": (from_bytes, {"raw": tf.TensorSpec([None], tf.string)}),
    }
    packed_, half, plain, unwrapped, named = staging.finish(
        [
            saved_model.staged_saved_model(
                wrapped,
                tmp_path / "packed" / "1",
                signatures={"probabilities": extra["probabilities"]},
                holds="trained",
            ),
            saved_model.staged_saved_model(
                wrapped, tmp_path / "half", values_dtype="float16"
            ),
            saved_model.staged_saved_model(wrapped, tmp_path / "plain", packed=False),
            saved_model.staged_saved_model(lth.unwrap(wrapped), tmp_path / "unwrapped"),
            saved_model.staged_saved_model(several, tmp_path / "named"),
        ],
        verbose=False,
    )
    assert exported(tmp_path) == ["half", "named", "packed", "plain", "unwrapped"]
    assert packed_.largest_difference == pytest.approx(0, abs=1e-5)
    assert set(packed_.found.differences) == {"logits", "probabilities/probability"}
    assert packed_.holds == "the ticket's trained weights"
    assert [x.stored for x in packed_.layers] == ["bitmask", "dense"] * 2 + [
        "dense",
        "dense",
    ]
    # Rounding to float16 moves outputs by about 2 ** -11 of them, but not by none.
    assert 0 < half.largest_difference < 1e-2
    assert half.bytes < packed_.bytes < packed_.dense_bytes
    assert plain.bytes == pytest.approx(plain.dense_bytes, abs=500)
    assert unwrapped.layers == packed_.layers
    assert list(named.found.differences) == ["y", "z"]
    assert [entry.batch for entry in named.found.latencies] == [1, 32]
    # The model is as it was, and so is what its layers hold.
    for value, weight in zip(before, wrapped.weights, strict=True):
        np.testing.assert_array_equal(value, weight.numpy())
    lth.verify(wrapped)
    kernel = wrapped.get_layer("hidden").layer.kernel
    assert type(kernel).__name__ == "MaskedVariable"


def test_a_value_too_large_for_half_precision_is_refused(
    tmp_path: pathlib.Path,
) -> None:
    model = lth.unwrap(ticket())
    model.layers[1].kernel.assign(model.layers[1].kernel * 1e9)
    with pytest.raises(LotteryError, match="hidden/kernel holds .*use 'bfloat16'"):
        saved_model.export_saved_model(model, tmp_path / "m", values_dtype="float16")
    assert exported(tmp_path) == []


@pytest.mark.slow
def test_two_exports_in_one_process_do_not_share_weights(
    tmp_path: pathlib.Path,
) -> None:
    first, second = ticket(), ticket(0.2)
    x = model_zoo.floats(4, 40)
    for name, model in (("first", first), ("second", second)):
        saved_model.export_saved_model(
            model, tmp_path / name, verify=False, verbose=False
        )
    loaded = [tf.saved_model.load(str(tmp_path / n)) for n in ("first", "second")]
    again = tf.saved_model.load(str(tmp_path / "first"))
    del again
    for model, item in zip((first, second), loaded, strict=True):
        found = item.signatures["serving_default"](pixels=tf.constant(x))
        np.testing.assert_allclose(found["logits"], model(x), atol=1e-5)


def test_an_export_can_be_tried_at_any_batch_size(tmp_path: pathlib.Path) -> None:
    model = ticket()
    saved_model.export_saved_model(
        model,
        tmp_path / "m",
        signatures={"raw": (from_bytes, {"raw": tf.TensorSpec([None], tf.string)})},
        verify=False,
        verbose=False,
    )
    for size in (1, 5):
        x = model_zoo.floats(size, 40)
        found = run(tmp_path / "m", pixels=x)
        np.testing.assert_allclose(found["logits"], model(x), atol=1e-5)
    raw = tf.saved_model.load(str(tmp_path / "m")).signatures["raw"]
    assert raw(raw=tf.constant([bytes(40)]))["output"].shape == (1, 3)


@pytest.mark.parametrize(
    ("name", "argument"),
    [("a/b c", "a_b_c"), ("é", "input_"), ("1st", "input_1st"), ("_x", "input_x")],
)
def test_an_input_is_named_as_near_as_tensorflow_can(
    tmp_path: pathlib.Path, name: str, argument: str
) -> None:
    inputs = keras.Input((4,), name=name)
    model = keras.Model(inputs, {name: layers.Dense(2)(inputs)})
    saved_model.export_saved_model(model, tmp_path / "m", verify=False, verbose=False)
    x = model_zoo.floats(3, 4)
    (found,) = run(tmp_path / "m", **{argument: x}).values()
    np.testing.assert_allclose(found, model(x)[name], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values_dtype": "int8"}, "values_dtype='int8' is not allowed: use one of"),
        ({"values_dtype": "float16", "packed": False}, "needs packed=True"),
        ({"holds": "mask"}, "holds='mask' is unknown"),
        ({"batch": np.zeros((2, 7))}, r"batch has shape \(2, 7\) for input 'pixels'"),
        ({"batch": {"x": 1}}, "batch has no 'pixels'"),
        ({"batch": [1, 2]}, "batch has shape"),
        ({"signatures": {"serving_default": print}}, "give names other than"),
        ({"signatures": {"f": lambda model, inputs: 1 / 0}}, "cannot be traced"),
        (
            {"signatures": {"f": (from_bytes, {"é": tf.TensorSpec([None])})}},
            "has an input 'é': use",
        ),
        ({"path": "gs://bucket/m"}, "is remote"),
        ({"path": "taken"}, "exists and is not empty"),
        ({"path": "taken", "overwrite": True}, "is no SavedModel"),
        ({"path": "taken/file"}, "file"),
    ],
)
def test_a_bad_request_is_one_line_and_leaves_nothing(
    tmp_path: pathlib.Path, monkeypatch, arguments: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    given = {"path": "m", "verify": False, **arguments}
    with pytest.raises(LotteryError, match=message) as caught:
        saved_model.export_saved_model(ticket(), **given)
    assert "\n" not in str(caught.value)
    assert exported(tmp_path) == ["taken"]
    assert (tmp_path / "taken" / "file").read_text() == "mine"


def test_no_space_left_is_one_line_and_keeps_what_was_there(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = ticket(), tmp_path / "m"
    saved_model.export_saved_model(model, path, verify=False, verbose=False)
    before = {name: (path / name).stat().st_mtime_ns for name in exported(path)}

    def full(module: Any, place: str, signatures: Any) -> None:
        (pathlib.Path(place) / "saved_model.pb").write_bytes(b"half")
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(LotteryError, match=r"cannot write .*m: No space left"):
        saved_model.export_saved_model(model, path, overwrite=True, verify=False)
    assert exported(tmp_path) == ["m"]
    assert before == {n: (path / n).stat().st_mtime_ns for n in exported(path)}


def test_a_wrong_export_never_gets_its_name(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(written: Any) -> Any:
        assert os.path.exists(written[0].path)
        raise LotteryError("wrong")

    monkeypatch.setattr(staging, "verify", refuse)
    with pytest.raises(LotteryError, match="wrong"):
        staging.finish(
            [
                saved_model.staged_saved_model(ticket(), tmp_path / "m"),
                keras_file.staged_keras(ticket(), tmp_path / "m.keras"),
            ]
        )
    assert exported(tmp_path) == []


@pytest.mark.slow
def test_small_weights_stand_in_functions_unless_these_would_repeat_them(
    tmp_path: pathlib.Path,
) -> None:
    model = lth.unwrap(ticket())
    more = {"p": probabilities, "q": probabilities}
    for name, signatures in (("one", None), ("three", more)):
        path = tmp_path / name
        saved_model.export_saved_model(
            model, path, signatures=signatures, verify=False, verbose=False
        )
        stored = tf.train.list_variables(str(path / "variables" / "variables"))
        shapes = [tuple(shape) for _, shape in stored]
        # Biases have 256 bytes, and the last kernel 768.
        assert (64,) not in shapes
        assert ((64, 3) in shapes) == (name == "three")
        x = model_zoo.floats(3, 40)
        np.testing.assert_allclose(run(path, pixels=x)["logits"], model(x), atol=1e-5)
