"""Exports that other threads, states or graphs would disturb."""

from __future__ import annotations

import pathlib
import threading
from typing import Any

import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import keras_file, saved_model
from lth_keras.export.substitutes import alone, substituted
from lth_keras.export.tflite import exporting as tflite
from tests.support import model_zoo
from tests.support.export_models import exported, ticket, wide

layers = keras.layers

EXPORTS = (
    (saved_model.export_saved_model, "m"),
    (keras_file.export_keras, "m.keras"),
    (tflite.export_tflite, "m.tflite"),
)


def refused(tmp_path: pathlib.Path, model: Any, message: str) -> None:
    for function, name in EXPORTS:
        with pytest.raises(LotteryError, match=message) as caught:
            function(model, tmp_path / name)
        assert "\n" not in str(caught.value)
    assert exported(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_layer_that_keeps_states_is_refused_by_name(
    tmp_path: pathlib.Path, wrapped: bool
) -> None:
    def network(stateful: bool) -> keras.Model:
        inputs = keras.Input(batch_shape=(2, 5, 3))
        memory = layers.SimpleRNN(4, stateful=stateful, name="memory")
        inner = keras.Sequential([layers.Bidirectional(memory)], name="inner")
        return keras.Model(inputs, layers.Dense(2)(inner(inputs)))

    model = network(stateful=True)
    x = model_zoo.floats(2, 5, 3)
    states = model.layers[1].layers[0].forward_layer.states
    before = [state.numpy().tolist() for state in states]
    refused(
        tmp_path,
        lth.wrap(model) if wrapped else model,
        "layer '.*memory' of model .* stateful=False and give it these weights",
    )
    assert [state.numpy().tolist() for state in states] == before
    # What the message says to do.
    without = network(stateful=False)
    without.set_weights(model.get_weights())
    saved_model.export_saved_model(without, tmp_path / "m", verify=False, verbose=False)
    tf.debugging.assert_near(without(x), model(x), 1e-6)


def test_an_export_inside_a_graph_is_refused(tmp_path: pathlib.Path) -> None:
    model = wide()
    with tf.Graph().as_default():
        refused(tmp_path, model, "needs eager execution: call it outside of tf.Graph")


def test_a_path_that_is_none_is_one_line() -> None:
    for function, _ in EXPORTS[:2]:
        with pytest.raises(LotteryError, match="path=None is a NoneType: pass"):
            function(wide(), None)


def free() -> bool:
    """Whether another thread could export now."""
    found = []

    def ask() -> None:
        found.append(alone.acquire(blocking=False))
        if found[0]:
            alone.release()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


def test_other_threads_wait_for_an_export_to_end(tmp_path: pathlib.Path) -> None:
    model = ticket()
    with substituted(model, {}):
        assert not free()
    assert free()
    stages = (
        saved_model.staged_saved_model(model, tmp_path / "m", verify=False),
        keras_file.staged_keras(model, tmp_path / "m.keras", verify=False),
    )
    for stage in stages:
        with stage:
            assert not free()
        assert free()
    with pytest.raises(LotteryError, match="exists"):
        saved_model.export_saved_model(model, tmp_path / "m")
    assert free()


@pytest.mark.slow
def test_exports_of_one_model_in_two_threads_are_both_right(
    tmp_path: pathlib.Path,
) -> None:
    model, x = ticket(), model_zoo.floats(3, 40)
    errors: list[BaseException] = []

    def write(name: str) -> None:
        try:
            saved_model.export_saved_model(
                model, tmp_path / name, verify=False, verbose=False
            )
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for name in "abc":
        loaded = tf.saved_model.load(str(tmp_path / name))
        found = loaded.signatures["serving_default"](pixels=tf.constant(x))
        tf.debugging.assert_near(found["logits"], model(x), 1e-5)
