"""The papers' networks as plain tf_keras models, unwrapped and uncompiled.

Layers and widths are those of arXiv 1803.03635, figure 2; resnet18 and resnet20 are
one network, the CIFAR ResNet-20 that the paper calls Resnet-18. The library itself
never imports this file; examples and tests do.

    model = build("lenet", input_shape=(28, 28, 1), classes=10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from lth_keras.compat import LotteryError, keras

layers = keras.layers

# Each group is a run of 3x3 convolutions with these output channels; a max-pool
# halves the image after it (VGG: between groups only).
_CONV_GROUPS = ((64, 64), (128, 128), (256, 256))
_VGG_CHANNELS = (64, 128, 256, 512, 512)


def names() -> tuple[str, ...]:
    """The names that `build` knows."""
    return tuple(_NETWORKS)


def build(name: str, input_shape: Sequence[int], classes: int) -> keras.Model:
    """Builds one of the papers' networks with fresh weights.

    Kernels are Glorot normal, biases zero; `keras.utils.set_random_seed` fixes the
    draw. Layers are named for use in rate patterns: "conv1", "dense1", "output",
    "stage2_block1_conv1", and "stage2_block1_downsample" for the 1x1 shortcut.

    Args:
      name: one of `names()`.
      input_shape: (height, width, channels) of an image, without the batch.
      classes: number of outputs, at least 2.

    Returns:
      An uncompiled functional model from float images [batch, height, width,
      channels] to logits [batch, classes]. There is no softmax: compile with a loss
      that has `from_logits=True`.

    Raises:
      LotteryError: for an unknown name, a shape that is no image's, fewer than 2
        classes, or an image too small for the network's pooling.
    """
    if name not in _NETWORKS:
        raise LotteryError(
            f"model={name!r} is unknown; use one of {', '.join(names())}."
        )
    network = _NETWORKS[name]
    shape = tuple(input_shape)
    if len(shape) != 3 or not all(isinstance(n, int) and n >= 1 for n in shape):
        raise LotteryError(
            f"input_shape={shape} is no image; give (height, width, channels), all at "
            "least 1."
        )
    if not isinstance(classes, int) or classes < 2:
        raise LotteryError(f"classes={classes!r} is not allowed; use at least 2.")
    smallest = 2**network.halvings
    if min(shape[:2]) < smallest:
        raise LotteryError(
            f"model={name!r} halves the image {network.halvings} times and needs at "
            f"least {smallest}x{smallest}, not {shape[0]}x{shape[1]}; use a smaller "
            "model or larger images."
        )
    inputs = keras.Input(shape, name="image")
    logits = _dense(classes, "output")(network.features(inputs))
    return keras.Model(inputs, logits, name=name)


def _dense(units: int, name: str, activation: str | None = None) -> keras.layers.Layer:
    return layers.Dense(
        units, activation, kernel_initializer="glorot_normal", name=name
    )


def _conv(
    filters: int,
    name: str,
    size: int = 3,
    strides: int = 1,
    activation: str | None = None,
    use_bias: bool = False,
) -> keras.layers.Layer:
    return layers.Conv2D(
        filters,
        size,
        strides,
        padding="same",
        activation=activation,
        use_bias=use_bias,
        kernel_initializer="glorot_normal",
        name=name,
    )


def _norm(name: str) -> keras.layers.Layer:
    # Keras's momentum of 0.99 would still hold a third of its starting statistics at
    # the paper's first evaluation, iteration 100.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)


def _lenet(x: tf.Tensor) -> tf.Tensor:
    x = layers.Flatten(name="flatten")(x)
    x = _dense(300, "dense1", "relu")(x)
    return _dense(100, "dense2", "relu")(x)


def _conv_net(x: tf.Tensor, groups: int) -> tf.Tensor:
    index = 0
    for group, channels in enumerate(_CONV_GROUPS[:groups], 1):
        for filters in channels:
            index += 1
            x = _conv(filters, f"conv{index}", activation="relu", use_bias=True)(x)
        x = layers.MaxPooling2D(name=f"pool{group}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = _dense(256, "dense1", "relu")(x)
    return _dense(256, "dense2", "relu")(x)


def _vgg(x: tf.Tensor, depths: Sequence[int]) -> tf.Tensor:
    index = 0
    for group, (depth, filters) in enumerate(zip(depths, _VGG_CHANNELS, strict=True)):
        if group:
            x = layers.MaxPooling2D(name=f"pool{group}")(x)
        for _ in range(depth):
            index += 1
            x = _conv(filters, f"conv{index}")(x)
            x = _norm(f"norm{index}")(x)
            x = layers.ReLU(name=f"relu{index}")(x)
    return layers.GlobalAveragePooling2D(name="average")(x)


def _resnet20(x: tf.Tensor) -> tf.Tensor:
    x = _conv(16, "conv1")(x)
    x = layers.ReLU(name="relu1")(_norm("norm1")(x))
    for stage, filters in enumerate((16, 32, 64), 1):
        for block in range(1, 4):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _residual(x, filters, strides, f"stage{stage}_block{block}")
    return layers.GlobalAveragePooling2D(name="average")(x)


def _residual(x: tf.Tensor, filters: int, strides: int, prefix: str) -> tf.Tensor:
    shortcut = x
    if strides > 1:
        shortcut = _conv(filters, f"{prefix}_downsample", size=1, strides=strides)(x)
        shortcut = _norm(f"{prefix}_downsample_norm")(shortcut)
    x = _conv(filters, f"{prefix}_conv1", strides=strides)(x)
    x = layers.ReLU(name=f"{prefix}_relu1")(_norm(f"{prefix}_norm1")(x))
    x = _norm(f"{prefix}_norm2")(_conv(filters, f"{prefix}_conv2")(x))
    x = layers.Add(name=f"{prefix}_add")([x, shortcut])
    return layers.ReLU(name=f"{prefix}_relu2")(x)


@dataclasses.dataclass(frozen=True)
class _Network:
    """Layers from the images to the output layer, and how often they pool by 2."""

    features: Callable[[tf.Tensor], tf.Tensor]
    halvings: int


_RESNET20 = _Network(_resnet20, 0)

_NETWORKS = {
    "lenet": _Network(_lenet, 0),
    "conv2": _Network(functools.partial(_conv_net, groups=1), 1),
    "conv4": _Network(functools.partial(_conv_net, groups=2), 2),
    "conv6": _Network(functools.partial(_conv_net, groups=3), 3),
    "resnet18": _RESNET20,
    "resnet20": _RESNET20,
    "vgg16": _Network(functools.partial(_vgg, depths=(2, 2, 3, 3, 3)), 4),
    "vgg19": _Network(functools.partial(_vgg, depths=(2, 2, 4, 4, 4)), 4),
}
