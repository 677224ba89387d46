"""Small models of which some part is never active, and their quantized files.

A layer whose name begins with "off" gets weights below zero, so that no ReLU behind it
is ever active: TensorFlow then writes scales that runtimes refuse.
"""

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from lth_keras.compat import keras
from tests.support import model_zoo

layers = keras.layers
relu = tf.nn.relu

_OP = schema.BuiltinOperator
RUNTIMES = tf.lite.experimental.OpResolverType


def images(count: int = 20) -> np.ndarray:
    # Without a negative value: weights below zero never make a ReLU active.
    return np.abs(model_zoo.floats(count, 6, 6, 2))


def conv(name: str, **settings) -> layers.Layer:
    return layers.Conv2D(4, 3, padding="same", name=name, **settings)


# What comes between the image and a dense layer.


def dense(x):
    return layers.Dense(7, "relu", name="off")(layers.Flatten()(x))


def dense_twice(x):
    return layers.Dense(5, "relu", name="off2")(dense(x))


def convolution(x):
    return conv("off", activation="relu")(conv("on", activation="relu")(x))


def pooled(x):
    hidden = layers.MaxPool2D()(conv("off", activation="relu")(x))
    return conv("on", activation="relu")(layers.AveragePooling2D()(hidden))


def activated_later(x):
    return layers.ReLU()(layers.BatchNormalization()(conv("off", use_bias=False)(x)))


def padded(x):
    hidden = layers.UpSampling2D()(conv("off", activation="relu")(x))
    return conv("on")(layers.ZeroPadding2D()(hidden))


def depthwise(x):
    hidden = layers.DepthwiseConv2D(3, activation="relu", name="off")(x)
    return layers.DepthwiseConv2D(3, activation="relu", name="off2")(hidden)


def transposed(x):
    return layers.Conv2DTranspose(3, 3, 2, activation="relu", name="off")(x)


def concatenated(x):
    both = [conv(name, activation="relu")(x) for name in ("off", "off2")]
    return conv("on")(layers.Concatenate()(both))


def added(x):
    return relu(layers.Add()([conv("off")(x), conv("off2")(x)]))


def distributed(x):
    return layers.TimeDistributed(layers.Dense(4, "relu", name="off"))(x)


def shared(x):
    shared = layers.Dense(4, "relu", name="shared")
    flat = layers.Flatten()(x)
    both = [layers.Dense(3, "relu", name=name)(flat) for name in ("off", "off2")]
    return layers.Concatenate()([shared(hidden) for hidden in both])


def before_a_recurrent_layer(x):
    rows = layers.Reshape((6, 12))(x)
    return layers.LSTM(3)(layers.Dense(4, "relu", name="off")(rows))


def hard_swish(x):
    hidden = conv("off")(x) - 3.0
    return hidden * tf.nn.relu6(hidden + 3.0) / 6.0


PARTS = [
    dense,
    dense_twice,
    convolution,
    pooled,
    activated_later,
    padded,
    depthwise,
    transposed,
    concatenated,
    added,
    distributed,
    shared,
    before_a_recurrent_layer,
    hard_swish,
]
# TFLite has or delegates these for a fixed batch only.
FOR_ONE_EXAMPLE = (transposed, before_a_recurrent_layer)


def model_of(part, bias: float = -0.3) -> keras.Model:
    """The part and a dense layer, every bias away from zero."""
    rng = np.random.default_rng(0)
    inputs = keras.Input((6, 6, 2), 1 if part in FOR_ONE_EXAMPLE else None)
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


def quantized(model: keras.Model) -> bytes:
    """The file as TensorFlow makes it."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images())
    return converter.convert()


def run(content: bytes, images: np.ndarray, runtime) -> np.ndarray:
    interpreter = tf.lite.Interpreter(
        model_content=content, num_threads=1, experimental_op_resolver_type=runtime
    )
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()
    given = (runner(**{name: image[None]}) for image in images)
    return np.concatenate([next(iter(found.values())) for found in given])


def _scale(tensor) -> np.ndarray:
    return np.array(tensor.quantization.scale, np.float64)


def check_scales(content: bytes) -> None:
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
