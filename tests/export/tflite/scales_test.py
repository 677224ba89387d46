import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.export.tflite import scales as tflite_scales
from lth_keras.papers import networks
from tests.support import masked_models, model_zoo

layers = keras.layers
relu = tf.nn.relu

_OP = schema.BuiltinOperator
_RUNTIMES = tf.lite.experimental.OpResolverType


def _images(count: int = 20) -> np.ndarray:
    # Without a negative value: weights below zero never make a ReLU active.
    return np.abs(model_zoo.floats(count, 6, 6, 2))


def _conv(name: str, **settings) -> layers.Layer:
    return layers.Conv2D(4, 3, padding="same", name=name, **settings)


# What comes between the image and a dense layer. A layer whose name begins with "off"
# gets weights below zero.


def _dense(x):
    return layers.Dense(7, "relu", name="off")(layers.Flatten()(x))


def _dense_twice(x):
    return layers.Dense(5, "relu", name="off2")(_dense(x))


def _convolution(x):
    return _conv("off", activation="relu")(_conv("on", activation="relu")(x))


def _pooled(x):
    hidden = layers.MaxPool2D()(_conv("off", activation="relu")(x))
    return _conv("on", activation="relu")(layers.AveragePooling2D()(hidden))


def _activated_later(x):
    return layers.ReLU()(layers.BatchNormalization()(_conv("off", use_bias=False)(x)))


def _padded(x):
    hidden = layers.UpSampling2D()(_conv("off", activation="relu")(x))
    return _conv("on")(layers.ZeroPadding2D()(hidden))


def _depthwise(x):
    hidden = layers.DepthwiseConv2D(3, activation="relu", name="off")(x)
    return layers.DepthwiseConv2D(3, activation="relu", name="off2")(hidden)


def _transposed(x):
    return layers.Conv2DTranspose(3, 3, 2, activation="relu", name="off")(x)


def _concatenated(x):
    both = [_conv(name, activation="relu")(x) for name in ("off", "off2")]
    return _conv("on")(layers.Concatenate()(both))


def _added(x):
    return relu(layers.Add()([_conv("off")(x), _conv("off2")(x)]))


def _distributed(x):
    return layers.TimeDistributed(layers.Dense(4, "relu", name="off"))(x)


def _shared(x):
    shared = layers.Dense(4, "relu", name="shared")
    flat = layers.Flatten()(x)
    both = [layers.Dense(3, "relu", name=name)(flat) for name in ("off", "off2")]
    return layers.Concatenate()([shared(hidden) for hidden in both])


def _before_a_recurrent_layer(x):
    rows = layers.Reshape((6, 12))(x)
    return layers.LSTM(3)(layers.Dense(4, "relu", name="off")(rows))


def _hard_swish(x):
    hidden = _conv("off")(x) - 3.0
    return hidden * tf.nn.relu6(hidden + 3.0) / 6.0


_PARTS = [
    _dense,
    _dense_twice,
    _convolution,
    _pooled,
    _activated_later,
    _padded,
    _depthwise,
    _transposed,
    _concatenated,
    _added,
    _distributed,
    _shared,
    _before_a_recurrent_layer,
    _hard_swish,
]
# TFLite has or delegates these for a fixed batch only.
_FOR_ONE_EXAMPLE = (_transposed, _before_a_recurrent_layer)


def _model(part, bias: float = -0.3) -> keras.Model:
    """The part and a dense layer, every bias away from zero."""
    rng = np.random.default_rng(0)
    inputs = keras.Input((6, 6, 2), 1 if part in _FOR_ONE_EXAMPLE else None)
    hidden = layers.Flatten()(part(inputs))
    model = keras.Model(inputs, layers.Dense(3, name="logits")(hidden))
    for layer in model.layers:
        layer = getattr(layer, "layer", layer)
        weights = layer.get_weights()
        if layer.name.startswith("off"):
            layer.set_weights(
                [-np.abs(weights[0]), *(np.full_like(w, bias) for w in weights[1:])]
            )
        elif len(weights) == 2:
            biases = rng.normal(0.0, 0.5, weights[1].shape)
            layer.set_weights([weights[0], biases])
    return model


def _quantized(model: keras.Model) -> bytes:
    """The file as TensorFlow makes it."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in _images())
    return converter.convert()


def _run(content: bytes, images: np.ndarray, runtime) -> np.ndarray:
    interpreter = tf.lite.Interpreter(
        model_content=content, num_threads=1, experimental_op_resolver_type=runtime
    )
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()
    given = (runner(**{name: image[None]}) for image in images)
    return np.concatenate([next(iter(found.values())) for found in given])


def _scale(tensor) -> np.ndarray:
    return np.array(tensor.quantization.scale, np.float64)


def _check_scales(content: bytes) -> None:
    """What the format asks of scales, and runtimes of their ratios."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    (graph,) = model.subgraphs
    checked = 0
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        read = [graph.tensors[i] for i in operator.inputs if i >= 0]
        output = graph.tensors[operator.outputs[0]]
        if code == _OP.TRANSPOSE_CONV:
            read = [read[2], read[1], *read[3:]]
        if code in (
            _OP.FULLY_CONNECTED,
            _OP.CONV_2D,
            _OP.DEPTHWISE_CONV_2D,
            _OP.TRANSPOSE_CONV,
        ):
            products = _scale(read[0]) * _scale(read[1])
            assert np.max(products) / _scale(output)[0] < 256
            for bias in read[2:]:
                np.testing.assert_allclose(_scale(bias), products, rtol=1e-5)
            checked += 1
        elif code in (
            _OP.RESHAPE,
            _OP.MAX_POOL_2D,
            _OP.AVERAGE_POOL_2D,
            _OP.CONCATENATION,
            _OP.PAD,
        ):
            if output.type == schema.TensorType.INT8:
                joined = [t for t in read if t.type == schema.TensorType.INT8]
                assert {_scale(t)[0] for t in joined} == {_scale(output)[0]}
    assert checked


@pytest.mark.slow
@pytest.mark.parametrize("part", _PARTS)
def test_what_is_never_active_runs_on_every_runtime_and_is_right(part):
    model = _model(part)
    plain = _quantized(model)
    content = tflite_scales.accepted(plain)
    assert content != plain
    _check_scales(content)
    expected = np.concatenate([model(image[None]) for image in _images()])
    for runtime in (
        _RUNTIMES.AUTO,
        _RUNTIMES.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        _RUNTIMES.BUILTIN_REF,
    ):
        found = _run(content, _images(), runtime)
        assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        _dense,
        _convolution,
        _depthwise,
        _transposed,
        _hard_swish,
        _before_a_recurrent_layer,
    ],
)
def test_without_it_the_runtime_refuses_the_file(part):
    content = _quantized(_model(part))
    with pytest.raises(RuntimeError, match="failed to prepare"):
        _run(content, _images(1), _RUNTIMES.AUTO)


def test_an_output_that_is_never_active_leaves_the_next_bias():
    model = _model(_dense)
    found = _run(tflite_scales.accepted(_quantized(model)), _images(), _RUNTIMES.AUTO)
    bias = model.get_layer("logits").bias.numpy()
    # 8 bits for all values from the least to the largest, and zero.
    step = (max(bias.max(), 0) - min(bias.min(), 0)) / 255
    assert np.abs(found - bias).max() < 1.01 * step


@pytest.mark.slow
@pytest.mark.parametrize("bias", [0.0, -1e-6, -50.0, -1e4])
def test_biases_of_any_size_stay_right(bias):
    model = _model(_dense_twice, bias)
    found = _run(tflite_scales.accepted(_quantized(model)), _images(), _RUNTIMES.AUTO)
    expected = model.get_layer("logits").bias.numpy()
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["tensor", "buffer"])
def test_a_bias_that_stands_in_the_file_once_for_two_operations(what):
    model = _model(_shared)
    file = flatbuffer_utils.convert_bytearray_to_object(bytearray(_quantized(model)))
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
    _check_scales(content)
    found = _run(content, _images(2), _RUNTIMES.AUTO)
    expected = model(_images(2)).numpy()
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.slow
def test_a_softmax_of_nothing_is_uniform():
    inputs = keras.Input((6, 6, 2))
    hidden = layers.Dense(5, kernel_initializer="zeros")(layers.Flatten()(inputs))
    content = _quantized(keras.Model(inputs, layers.Softmax()(hidden)))
    # The last of these would end the process for a scale that is too small.
    for runtime in (_RUNTIMES.AUTO, _RUNTIMES.BUILTIN_REF):
        found = _run(tflite_scales.accepted(content), _images(3), runtime)
        np.testing.assert_allclose(found, 0.2, atol=1 / 255)


@pytest.mark.slow
def test_a_file_without_such_scales_stays_as_it_is():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            _conv("first", activation="relu"),
            layers.MaxPool2D(),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    content = _quantized(model)
    assert tflite_scales.accepted(content) is content


# Whole exports, verified in a fresh process.


def _export(model: keras.Model, path, still: bool = False) -> np.ndarray:
    """What the exported file makes of the images; whether it says what stood still."""
    images = _images()
    report = lth.export_tflite(
        model,
        path,
        quantize="int8",
        representative=images,
        batch=images,
        verbose=False,
    )
    assert any("did not move" in note for note in report.notes) == still
    return _run(path.read_bytes(), images, _RUNTIMES.AUTO)


def _network() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            _conv("conv1", activation="relu"),
            _conv("conv2", activation="relu"),
            layers.MaxPool2D(),
            layers.Flatten(),
            layers.Dense(8, "relu", name="dense"),
            layers.Dense(3, name="logits"),
        ]
    )
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0.0, 0.3, bias.shape)])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("name", ["conv1", "conv2", "dense", "logits"])
def test_a_layer_without_weights_left_is_exported(tmp_path, name, biased):
    model = _network()
    layer = model.get_layer(name)
    layer.kernel.assign(tf.zeros_like(layer.kernel))
    if not biased:
        layer.bias.assign(tf.zeros_like(layer.bias))
    expected = model.predict(_images(), verbose=0)
    found = _export(model, tmp_path / "m.tflite")
    largest = np.abs(expected).max()
    assert np.abs(found - expected).max() <= 0.02 * largest
    assert (largest == 0) == (name == "logits" and not biased)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv1", "conv2", "dense", "logits"])
def test_channels_without_weights_left_are_exported(tmp_path, name):
    model = _network()
    layer = model.get_layer(name)
    kernel = layer.kernel.numpy()
    kernel[..., [0, 2]] = 0
    layer.kernel.assign(kernel)
    expected = model.predict(_images(), verbose=0)
    found = _export(model, tmp_path / "m.tflite")
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()
    if name == "logits":
        np.testing.assert_allclose(
            found[:, [0, 2]], [layer.bias.numpy()[[0, 2]]] * 20, atol=0.02
        )


@pytest.mark.slow
def test_a_ticket_through_which_nothing_comes_is_exported(tmp_path):
    """Units that have an input have no output, and the other way round."""
    model = lth.wrap(networks.build("lenet", (6, 6, 2), 10))
    unwrapped = lth.unwrap(masked_models.masked(model, 0.0005))
    first, second = (unwrapped.get_layer(name) for name in ("dense1", "dense2"))
    kernel = np.zeros(first.kernel.shape, np.float32)
    kernel[3, 5], kernel[10, 20] = 0.5, -0.7
    first.kernel.assign(kernel)
    kernel = np.zeros(second.kernel.shape, np.float32)
    kernel[20, 4], kernel[30, 8] = 2.0, 3.0
    second.kernel.assign(kernel)
    for layer in (first, second):
        layer.bias.assign(tf.zeros_like(layer.bias))
    bias = np.linspace(-1.0, 1.0, 10).astype(np.float32)
    unwrapped.get_layer("output").bias.assign(bias)
    found = _export(unwrapped, tmp_path / "m.tflite", still=True)
    np.testing.assert_allclose(found, [bias] * 20, atol=1.01 * 2 / 255)
