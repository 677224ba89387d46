"""Models of Keras 3 of every kind that lth.from_keras3 converts.

Each builder returns a model; Keras 3 is imported when the first one is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras3

Build = Callable[[], Any]
MODELS: dict[str, Build] = {}


def model(function: Build) -> Build:
    """Registers a builder by its name."""
    MODELS[function.__name__] = function
    return function


def array(value: Any) -> np.ndarray:
    """A tensor or weight of Keras 3, on any backend, or of TensorFlow."""
    if isinstance(value, tf.Tensor):
        return np.asarray(value)
    return np.asarray(keras3().ops.convert_to_numpy(value))


def close() -> float:
    """How near predictions are: JAX and torch add in another order than TensorFlow."""
    return 1e-6 if keras3().backend.backend() == "tensorflow" else 1e-4


def chain(shape: tuple[Any, ...], *layers: Any, dtype: str | None = None) -> Any:
    """A Sequential model of Keras 3."""
    return keras3().Sequential([keras3().Input(shape, dtype=dtype), *layers])


@model
def dense() -> Any:
    kl = keras3().layers
    return chain((4,), kl.Dense(5, "relu"), kl.Dropout(0.5), kl.Dense(3, "softmax"))


@model
def called_sequential() -> Any:
    kl = keras3().layers
    made = keras3().Sequential([kl.Dense(3), kl.BatchNormalization()])
    made(np.ones((2, 4)))
    return made


@model
def two_dimensions() -> Any:
    kl = keras3().layers
    return chain(
        (8, 8, 3),
        kl.Conv2D(4, 3, padding="same"),
        kl.BatchNormalization(),
        kl.DepthwiseConv2D(3, strides=2, padding="same"),
        kl.SeparableConv2D(4, 3, padding="same"),
        kl.Conv2DTranspose(3, 2, 2),
        kl.ZeroPadding2D(1),
        kl.Cropping2D(1),
        kl.SpatialDropout2D(0.1),
        kl.UpSampling2D(2),
        kl.UpSampling2D(2, interpolation="bilinear"),
        kl.MaxPooling2D(),
        kl.AveragePooling2D(2),
        kl.GlobalMaxPooling2D(),
    )


@model
def one_dimension() -> Any:
    kl = keras3().layers
    return chain(
        (16, 3),
        kl.Conv1D(4, 3, padding="causal", dilation_rate=2),
        kl.DepthwiseConv1D(3),
        kl.SeparableConv1D(4, 3),
        kl.Conv1DTranspose(3, 2, 2),
        kl.ZeroPadding1D(1),
        kl.Cropping1D(1),
        kl.SpatialDropout1D(0.1),
        kl.UpSampling1D(2),
        kl.MaxPooling1D(),
        kl.AveragePooling1D(2),
        kl.GlobalAveragePooling1D(),
    )


@model
def three_dimensions() -> Any:
    kl = keras3().layers
    return chain(
        (6, 6, 6, 2),
        kl.Conv3D(4, 3),
        kl.Conv3DTranspose(3, 2),
        kl.ZeroPadding3D(1),
        kl.Cropping3D(1),
        kl.SpatialDropout3D(0.1),
        kl.UpSampling3D(2),
        kl.MaxPooling3D(),
        kl.AveragePooling3D(1),
        kl.GlobalAveragePooling3D(),
    )


@model
def pooled_whole() -> Any:
    kl, x = keras3().layers, keras3().Input((4, 4, 4, 2))
    y = kl.Reshape((16, 8))(x)
    pooled = [kl.GlobalMaxPooling3D()(x), kl.GlobalMaxPooling1D(keepdims=True)(y)]
    z = kl.GlobalAveragePooling2D()(kl.Reshape((4, 8, 4))(x))
    return keras3().Model(x, [*pooled, z])


@model
def normalised() -> Any:
    kl = keras3().layers
    return chain(
        (8,),
        kl.LayerNormalization(),
        kl.GroupNormalization(4),
        kl.UnitNormalization(),
        kl.RMSNormalization(),
        kl.SpectralNormalization(kl.Dense(4)),
        kl.Normalization(mean=[1.0] * 4, variance=[2.0] * 4),
    )


@model
def adapted() -> Any:
    kl, rng = keras3().layers, np.random.default_rng(0)
    normalization = kl.Normalization()
    normalization.adapt(rng.normal(3, 2, (50, 8)))
    edges = kl.Discretization(num_bins=3)
    edges.adapt(rng.normal(size=100))
    x = keras3().Input((8,))
    return keras3().Model(x, [kl.Dense(2)(normalization(x)), edges(x)])


@model
def activations_as_layers() -> Any:
    kl = keras3().layers
    return chain(
        (8,),
        kl.LeakyReLU(0.1),
        kl.PReLU(),
        kl.ELU(0.5),
        kl.ReLU(6.0, negative_slope=0.1, threshold=0.1),
        kl.Dense(4, activation=kl.LeakyReLU(0.2)),
        kl.Softmax(),
    )


@model
def penalised() -> Any:
    kl, k3 = keras3().layers, keras3()
    return chain(
        (8,),
        kl.GaussianNoise(0.1),
        kl.GaussianDropout(0.1),
        kl.AlphaDropout(0.1),
        kl.ActivityRegularization(l2=0.1),
        kl.Dense(
            4,
            kernel_regularizer="l2",
            bias_regularizer=k3.regularizers.L1L2(0.1, 0.2),
            activity_regularizer="l1",
            kernel_constraint=k3.constraints.MaxNorm(2.0),
            kernel_initializer=k3.initializers.HeNormal(3),
        ),
        kl.Dense(3, kernel_regularizer=k3.regularizers.OrthogonalRegularizer(0.1)),
    )


@model
def rearranged() -> Any:
    kl = keras3().layers
    return chain(
        (4, 3),
        kl.Permute((2, 1)),
        kl.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d", activation="relu"),
        kl.Reshape((-1,)),
        kl.RepeatVector(3),
        kl.Flatten(),
    )


@model
def merged() -> Any:
    kl = keras3().layers
    a, b = keras3().Input((4,), name="a"), keras3().Input((4,), name="b")
    kinds = (kl.Add, kl.Subtract, kl.Multiply, kl.Average, kl.Maximum, kl.Minimum)
    outputs = [kind()([a, b]) for kind in (*kinds, kl.Concatenate)]
    outputs += [kl.Dot(1)([a, b]), kl.Dot(axes=1, normalize=True)([a, b])]
    return keras3().Model({"b": b, "a": a}, [*outputs, kl.Identity()(a)])


@model
def images_prepared() -> Any:
    kl = keras3().layers
    return chain(
        (8, 8, 3),
        kl.Rescaling(1 / 255.0, -1),
        kl.Resizing(6, 5),
        kl.CenterCrop(4, 4),
        kl.RandomFlip("horizontal"),
        kl.RandomRotation(0.1),
        kl.RandomZoom(0.1),
        kl.RandomTranslation(0.1, 0.1),
        kl.RandomContrast(0.1),
        kl.RandomBrightness(0.1),
    )


@model
def nested_and_shared() -> Any:
    kl, k3 = keras3().layers, keras3()
    base = chain((8,), kl.Dense(6, "relu"), kl.BatchNormalization())
    base.trainable = False
    shared, a, b = kl.Dense(6, name="shared"), k3.Input((8,)), k3.Input((8,))
    # Keras 3 writes both into the graph, and neither has a say in fit or predict.
    x, y = base(a, training=False), base(b)
    z = kl.Dropout(0.5)(x, training=True)
    entry = k3.Input((6,))
    inner = k3.Model(entry, [kl.Dense(2)(entry), entry * 2], name="inner")
    p, q = inner(shared(x))
    r, s = inner(shared(y))
    return k3.Model([a, b], {"o": p + r, "d": k3.ops.abs(q - s), "z": z})


def in_precision(policy: str) -> Any:
    """A convolutional model of a dtype policy; its output is float32."""
    kl = keras3().layers
    keras3().mixed_precision.set_global_policy(policy)
    try:
        return chain(
            (8, 8, 3),
            kl.Conv2D(4, 3),
            kl.BatchNormalization(),
            kl.Flatten(),
            kl.Dense(5, "relu"),
            kl.Dense(3, "softmax", dtype="float32"),
        )
    finally:
        keras3().mixed_precision.set_global_policy("float32")


@model
def half_precision() -> Any:
    return in_precision("mixed_float16")


@model
def brain_precision() -> Any:
    return in_precision("mixed_bfloat16")


@model
def double_precision() -> Any:
    return in_precision("float64")


@model
def computed_by_a_function() -> Any:
    kl, ops = keras3().layers, keras3().ops
    return chain((4,), kl.Lambda(lambda x: ops.relu(x) * 2), kl.Dense(2))
