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
import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError

layers = keras.layers

# The hidden layers of LeNet-300-100.
_LENET = (300, 100)
# Each group is a run of 3x3 convolutions with these output channels; a max-pool
# halves the image after it (VGG: between groups only).
_CONV_GROUPS = ((64, 64), (128, 128), (256, 256))
_VGG_CHANNELS = (64, 128, 256, 512, 512)


def names() -> tuple[str, ...]:
    """The names that `build` knows."""
    return tuple(_NETWORKS)


def build(
    name: str,
    input_shape: Sequence[int],
    classes: int,
    *,
    hidden: Sequence[int] = _LENET,
    width: float = 1.0,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
) -> keras.Model:
    """Builds one of the papers' networks with fresh weights.

    Kernels are Glorot normal, biases zero; `keras.utils.set_random_seed` fixes the
    draw. Layers are named for use in rate patterns: "conv1", "dense1", "output",
    "stage2_block1_conv1", and "stage2_block1_downsample" for the 1x1 shortcut.

    Args:
      name: one of `names()`.
      input_shape: (height, width, channels) of an image, without the batch.
      classes: number of outputs, at least 2.
      hidden: units of lenet's hidden dense layers, one or more; for lenet alone.
      width: factor on the channels of every convolution, above 0; not for lenet.
      dropout: share of the units dropped after each hidden dense layer, from 0 to
        below 1; only for lenet and the conv nets, the others have no such layer.
      weight_decay: added to each kernel's gradient is this much times the kernel, as
        torch's optimizers do it: an l2 penalty of half of it, on kernels alone. As
        with every Keras penalty, it counts in `loss` and `val_loss`.

    Returns:
      An uncompiled functional model from float images [batch, height, width,
      channels] to logits [batch, classes]. There is no softmax: compile with a loss
      that has `from_logits=True`.

    Raises:
      LotteryError: for an unknown name, a shape that is no image's, fewer than 2
        classes, an image too small for the network's pooling, or an option that is
        out of its range or not for this network.
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
    make = _Layers(tuple(hidden), width, dropout, weight_decay)
    _check_options(name, network, make)
    inputs = keras.Input(shape, name="image")
    logits = make.dense(classes, "output")(network.features(make, inputs))
    return keras.Model(inputs, logits, name=name)


def _check_options(name: str, network: _Network, given: _Layers) -> None:
    allowed = (
        (
            "hidden",
            bool(given.hidden)
            and all(isinstance(n, int) and n >= 1 for n in given.hidden),
            "whole numbers of at least 1, one per layer",
        ),
        ("width", 0 < given.width < math.inf, "a number above 0"),
        ("dropout", 0 <= given.dropout < 1, "a share from 0 to below 1"),
        ("weight_decay", 0 <= given.weight_decay < math.inf, "a number of at least 0"),
    )
    for option, valid, text in allowed:
        if not valid:
            value = getattr(given, option)
            raise LotteryError(f"{option}={value!r} is not allowed; use {text}.")
    if not network.convolutions and given.width != 1:
        raise LotteryError(
            f"width={given.width!r}: {name} has no convolutions to widen; use hidden."
        )
    if network.convolutions and given.hidden != _LENET:
        raise LotteryError(
            f"hidden={given.hidden!r} is for lenet alone; {name} has its layers fixed, "
            "and width changes its convolutions."
        )
    if not network.hidden_dense and given.dropout:
        raise LotteryError(
            f"dropout={given.dropout!r}: {name} has no hidden dense layer to drop "
            "units of; use 0, or lenet or a conv net."
        )


@dataclasses.dataclass(frozen=True)
class _Layers:
    """Makes the layers of a network as the options of `build` say."""

    hidden: tuple[int, ...]
    width: float
    dropout: float
    weight_decay: float

    def _regularizer(self) -> keras.regularizers.Regularizer | None:
        if not self.weight_decay:
            return None
        # The gradient of the squares brings the factor 2 back.
        return keras.regularizers.L2(self.weight_decay / 2)

    def dense(
        self, units: int, name: str, activation: str | None = None
    ) -> keras.layers.Layer:
        return layers.Dense(
            units,
            activation,
            kernel_initializer="glorot_normal",
            kernel_regularizer=self._regularizer(),
            name=name,
        )

    def hidden_dense(self, x: tf.Tensor, units: Sequence[int]) -> tf.Tensor:
        x = layers.Flatten(name="flatten")(x)
        for index, count in enumerate(units, 1):
            x = self.dense(count, f"dense{index}", "relu")(x)
            if self.dropout:
                x = layers.Dropout(self.dropout, name=f"dropout{index}")(x)
        return x

    def conv(
        self,
        filters: int,
        name: str,
        size: int = 3,
        strides: int = 1,
        activation: str | None = None,
        use_bias: bool = False,
    ) -> keras.layers.Layer:
        return layers.Conv2D(
            max(1, round(self.width * filters)),
            size,
            strides,
            padding="same",
            activation=activation,
            use_bias=use_bias,
            kernel_initializer="glorot_normal",
            kernel_regularizer=self._regularizer(),
            name=name,
        )


def _norm(name: str) -> keras.layers.Layer:
    # Keras's momentum of 0.99 would still hold a third of its starting statistics at
    # the paper's first evaluation, iteration 100.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)


def _lenet(make: _Layers, x: tf.Tensor) -> tf.Tensor:
    return make.hidden_dense(x, make.hidden)


def _conv_net(make: _Layers, x: tf.Tensor, groups: int) -> tf.Tensor:
    index = 0
    for group, channels in enumerate(_CONV_GROUPS[:groups], 1):
        for filters in channels:
            index += 1
            x = make.conv(filters, f"conv{index}", activation="relu", use_bias=True)(x)
        x = layers.MaxPooling2D(name=f"pool{group}")(x)
    return make.hidden_dense(x, (256, 256))


def _vgg(make: _Layers, x: tf.Tensor, depths: Sequence[int]) -> tf.Tensor:
    index = 0
    for group, (depth, filters) in enumerate(zip(depths, _VGG_CHANNELS, strict=True)):
        if group:
            x = layers.MaxPooling2D(name=f"pool{group}")(x)
        for _ in range(depth):
            index += 1
            x = make.conv(filters, f"conv{index}")(x)
            x = _norm(f"norm{index}")(x)
            x = layers.ReLU(name=f"relu{index}")(x)
    return layers.GlobalAveragePooling2D(name="average")(x)


def _resnet20(make: _Layers, x: tf.Tensor) -> tf.Tensor:
    x = make.conv(16, "conv1")(x)
    x = layers.ReLU(name="relu1")(_norm("norm1")(x))
    for stage, filters in enumerate((16, 32, 64), 1):
        for block in range(1, 4):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _residual(make, x, filters, strides, f"stage{stage}_block{block}")
    return layers.GlobalAveragePooling2D(name="average")(x)


def _residual(
    make: _Layers, x: tf.Tensor, filters: int, strides: int, prefix: str
) -> tf.Tensor:
    shortcut = x
    if strides > 1:
        name = f"{prefix}_downsample"
        shortcut = make.conv(filters, name, size=1, strides=strides)(x)
        shortcut = _norm(f"{name}_norm")(shortcut)
    x = make.conv(filters, f"{prefix}_conv1", strides=strides)(x)
    x = layers.ReLU(name=f"{prefix}_relu1")(_norm(f"{prefix}_norm1")(x))
    x = _norm(f"{prefix}_norm2")(make.conv(filters, f"{prefix}_conv2")(x))
    x = layers.Add(name=f"{prefix}_add")([x, shortcut])
    return layers.ReLU(name=f"{prefix}_relu2")(x)


@dataclasses.dataclass(frozen=True)
class _Network:
    """Layers from the images to the output layer, and what kinds there are.

    `halvings` is how often it pools by 2.
    """

    features: Callable[[_Layers, tf.Tensor], tf.Tensor]
    halvings: int = 0
    convolutions: bool = True
    hidden_dense: bool = True


def _conv_network(groups: int) -> _Network:
    return _Network(functools.partial(_conv_net, groups=groups), halvings=groups)


def _vgg_network(*depths: int) -> _Network:
    return _Network(functools.partial(_vgg, depths=depths), 4, hidden_dense=False)


_RESNET20 = _Network(_resnet20, hidden_dense=False)

_NETWORKS = {
    "lenet": _Network(_lenet, convolutions=False),
    "conv2": _conv_network(1),
    "conv4": _conv_network(2),
    "conv6": _conv_network(3),
    "resnet18": _RESNET20,
    "resnet20": _RESNET20,
    "vgg16": _vgg_network(2, 2, 3, 3, 3),
    "vgg19": _vgg_network(2, 2, 4, 4, 4),
}
