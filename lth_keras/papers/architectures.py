"""Of which layers are the papers' networks made, from the images to the output layer?

Widths are those of arXiv 1803.03635, figure 2; `networks.build` adds the images before
and the output layer behind.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from lth_keras.compat import keras

layers = keras.layers

# The hidden layers of LeNet-300-100.
LENET = (300, 100)
# Each group is a run of 3x3 convolutions with these output channels; a max-pool
# halves the image after it (VGG: between groups only).
_CONV_GROUPS = ((64, 64), (128, 128), (256, 256))
_VGG_CHANNELS = (64, 128, 256, 512, 512)


@dataclasses.dataclass(frozen=True)
class Maker:
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


def _lenet(make: Maker, x: tf.Tensor) -> tf.Tensor:
    return make.hidden_dense(x, make.hidden)


def _conv_net(make: Maker, x: tf.Tensor, groups: int) -> tf.Tensor:
    index = 0
    for group, channels in enumerate(_CONV_GROUPS[:groups], 1):
        for filters in channels:
            index += 1
            x = make.conv(filters, f"conv{index}", activation="relu", use_bias=True)(x)
        x = layers.MaxPooling2D(name=f"pool{group}")(x)
    return make.hidden_dense(x, (256, 256))


def _vgg(make: Maker, x: tf.Tensor, depths: Sequence[int]) -> tf.Tensor:
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


def _resnet20(make: Maker, x: tf.Tensor) -> tf.Tensor:
    x = make.conv(16, "conv1")(x)
    x = layers.ReLU(name="relu1")(_norm("norm1")(x))
    for stage, filters in enumerate((16, 32, 64), 1):
        for block in range(1, 4):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _residual(make, x, filters, strides, f"stage{stage}_block{block}")
    return layers.GlobalAveragePooling2D(name="average")(x)


def _residual(
    make: Maker, x: tf.Tensor, filters: int, strides: int, prefix: str
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
class Architecture:
    """Layers from the images to the output layer, and what kinds there are.

    `halvings` is how often it pools by 2.
    """

    features: Callable[[Maker, tf.Tensor], tf.Tensor]
    halvings: int = 0
    convolutions: bool = True
    hidden_dense: bool = True


def _conv_network(groups: int) -> Architecture:
    return Architecture(functools.partial(_conv_net, groups=groups), halvings=groups)


def _vgg_network(*depths: int) -> Architecture:
    return Architecture(functools.partial(_vgg, depths=depths), 4, hidden_dense=False)


_RESNET20 = Architecture(_resnet20, hidden_dense=False)

ARCHITECTURES = {
    "lenet": Architecture(_lenet, convolutions=False),
    "conv2": _conv_network(1),
    "conv4": _conv_network(2),
    "conv6": _conv_network(3),
    "resnet18": _RESNET20,
    "resnet20": _RESNET20,
    "vgg16": _vgg_network(2, 2, 3, 3, 3),
    "vgg19": _vgg_network(2, 2, 4, 4, 4),
}
