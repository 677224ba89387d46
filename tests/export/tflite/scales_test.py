"""Scales of parts that are never active, as every runtime of TFLite accepts them."""

import numpy as np
import pytest
from tensorflow.lite.tools import flatbuffer_utils

from lth_keras.compat import keras
from lth_keras.export.tflite import scales as tflite_scales
from tests.support.still_models import (
    PARTS,
    RUNTIMES,
    before_a_recurrent_layer,
    check_scales,
    conv,
    convolution,
    dense,
    dense_twice,
    depthwise,
    hard_swish,
    images,
    model_of,
    quantized,
    run,
    shared,
    transposed,
)

layers = keras.layers


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_what_is_never_active_runs_on_every_runtime_and_is_right(part):
    model = model_of(part)
    plain = quantized(model)
    content = tflite_scales.accepted(plain)
    assert content != plain
    check_scales(content)
    expected = np.concatenate([model(image[None]) for image in images()])
    for runtime in (
        RUNTIMES.AUTO,
        RUNTIMES.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        RUNTIMES.BUILTIN_REF,
    ):
        found = run(content, images(), runtime)
        assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        dense,
        convolution,
        depthwise,
        transposed,
        hard_swish,
        before_a_recurrent_layer,
    ],
)
def test_without_it_the_runtime_refuses_the_file(part):
    content = quantized(model_of(part))
    with pytest.raises(RuntimeError, match="failed to prepare"):
        run(content, images(1), RUNTIMES.AUTO)


def test_an_output_that_is_never_active_leaves_the_next_bias():
    model = model_of(dense)
    found = run(tflite_scales.accepted(quantized(model)), images(), RUNTIMES.AUTO)
    bias = model.get_layer("logits").bias.numpy()
    # 8 bits for all values from the least to the largest, and zero.
    step = (max(bias.max(), 0) - min(bias.min(), 0)) / 255
    assert np.abs(found - bias).max() < 1.01 * step


@pytest.mark.slow
@pytest.mark.parametrize("bias", [0.0, -1e-6, -50.0, -1e4])
def test_biases_of_any_size_stay_right(bias):
    model = model_of(dense_twice, bias)
    found = run(tflite_scales.accepted(quantized(model)), images(), RUNTIMES.AUTO)
    expected = model.get_layer("logits").bias.numpy()
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["tensor", "buffer"])
def test_a_bias_that_stands_in_the_file_once_for_two_operations(what):
    model = model_of(shared)
    file = flatbuffer_utils.convert_bytearray_to_object(bytearray(quantized(model)))
    (graph,) = file.subgraphs
    first, second = (
        operator
        for operator in graph.operators
        if list(graph.tensors[operator.outputs[0]].shape) == [1, 4]
    )
    ours, theirs = (graph.tensors[operator.inputs[2]] for operator in (first, second))
    assert ours.quantization.scale.tolist() == theirs.quantization.scale.tolist()
    if what == "tensor":
        second.inputs[2] = first.inputs[2]
    theirs.buffer = ours.buffer
    content = tflite_scales.accepted(
        bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    )
    check_scales(content)
    found = run(content, images(2), RUNTIMES.AUTO)
    expected = model(images(2)).numpy()
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.slow
def test_a_softmax_of_nothing_is_uniform():
    inputs = keras.Input((6, 6, 2))
    hidden = layers.Dense(5, kernel_initializer="zeros")(layers.Flatten()(inputs))
    content = quantized(keras.Model(inputs, layers.Softmax()(hidden)))
    # The last of these would end the process for a scale that is too small.
    for runtime in (RUNTIMES.AUTO, RUNTIMES.BUILTIN_REF):
        found = run(tflite_scales.accepted(content), images(3), runtime)
        np.testing.assert_allclose(found, 0.2, atol=1 / 255)


@pytest.mark.slow
def test_a_file_without_such_scales_stays_as_it_is():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            conv("first", activation="relu"),
            layers.MaxPool2D(),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    content = quantized(model)
    assert tflite_scales.accepted(content) is content
