"""Of which layers are the papers' networks made, from the images to the output layer?

Widths are those of arXiv 1803.03635, figure 2; `networks.build` adds the images before
and the output layer behind.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from lth_keras.compat import keras as tf_keras

# The hidden layers of LeNet-300-100.
LENET = (300, 100)
# Each group is a run of 3x3 convolutions with these output channels; a max-pool
# halves the image after it (VGG: between groups only).
_CONV_GROUPS = ((64, 64), (128, 128), (256, 256))
_VGG_CHANNELS = (64, 128, 256, 512, 512)
# Of each stage of ResNet-50: blocks, and channels of their middle.
_BOTTLENECKS = ((3, 64), (4, 128), (6, 256), (3, 512))


@dataclasses.dataclass(frozen=True)
class Maker:
    """Makes the layers of a network as the options of `build` say, with one Keras."""

    hidden: tuple[int, ...]
    width: float
    dropout: float
    weight_decay: float
    keras: Any = tf_keras

    @property
    def layers(self) -> Any:
        return self.keras.layers

    def _regularizer(self) -> Any:
        if not self.weight_decay:
            return None
        # The gradient of the squares brings the factor 2 back.
        return self.keras.regularizers.L2(self.weight_decay / 2)

    def norm(self, name: str) -> Any:
        # Keras's momentum of 0.99 would still hold a third of its starting statistics
        # at the paper's first evaluation, iteration 100.
        return self.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)

    def padded(self, x: Any, paddings: Sequence[Sequence[int]]) -> Any:
        """The tensor with zeros around it."""
        if self.keras is tf_keras:
            return tf.pad(x, paddings)
        return self.keras.ops.pad(x, paddings)

    def dense(self, units: int, name: str, activation: str | None = None) -> Any:
        return self.layers.Dense(
            units,
            activation,
            kernel_initializer="glorot_normal",
            kernel_regularizer=self._regularizer(),
            name=name,
        )

    def hidden_dense(self, x: Any, units: Sequence[int]) -> Any:
        x = self.layers.Flatten(name="flatten")(x)
        for index, count in enumerate(units, 1):
            x = self.dense(count, f"dense{index}", "relu")(x)
            if self.dropout:
                x = self.layers.Dropout(self.dropout, name=f"dropout{index}")(x)
        return x

    def conv(
        self,
        filters: int,
        name: str,
        size: int = 3,
        strides: int = 1,
        activation: str | None = None,
        use_bias: bool = False,
    ) -> Any:
        return self.layers.Conv2D(
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


def _lenet(make: Maker, x: Any) -> Any:
    return make.hidden_dense(x, make.hidden)


def _conv_net(make: Maker, x: Any, groups: int) -> Any:
    index = 0
    for group, channels in enumerate(_CONV_GROUPS[:groups], 1):
        for filters in channels:
            index += 1
            x = make.conv(filters, f"conv{index}", activation="relu", use_bias=True)(x)
        x = make.layers.MaxPooling2D(name=f"pool{group}")(x)
    return make.hidden_dense(x, (256, 256))


def _vgg(make: Maker, x: Any, depths: Sequence[int], dense: bool = False) -> Any:
    index = 0
    for group, (depth, filters) in enumerate(zip(depths, _VGG_CHANNELS, strict=True)):
        if group:
            x = make.layers.MaxPooling2D(name=f"pool{group}")(x)
        for _ in range(depth):
            index += 1
            x = make.conv(filters, f"conv{index}")(x)
            x = make.norm(f"norm{index}")(x)
            x = make.layers.ReLU(name=f"relu{index}")(x)
    if dense:
        # As 1608.08710 has it, section 4.1.
        x = make.layers.Flatten(name="flatten")(
            make.layers.MaxPooling2D(name="pool5")(x)
        )
        x = make.norm("dense1_norm")(make.dense(_VGG_CHANNELS[-1], "dense1")(x))
        return make.layers.ReLU(name="dense1_relu")(x)
    return make.layers.GlobalAveragePooling2D(name="average")(x)


def _resnet(make: Maker, x: Any, blocks: int = 3, padded: bool = False) -> Any:
    """A CIFAR ResNet of three stages of so many blocks, 6 * blocks + 2 layers deep.

    `padded`: shortcuts to wider stages are subsampled and padded with zeros, instead
    of 1x1 convolutions.
    """
    x = make.conv(16, "conv1")(x)
    x = make.layers.ReLU(name="relu1")(make.norm("norm1")(x))
    for stage, filters in enumerate((16, 32, 64), 1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            prefix = f"stage{stage}_block{block}"
            x = _residual(make, x, filters, strides, prefix, padded)
    return make.layers.GlobalAveragePooling2D(name="average")(x)


def _residual(
    make: Maker,
    x: Any,
    filters: int,
    strides: int,
    prefix: str,
    padded: bool = False,
) -> Any:
    shortcut = x
    if strides > 1 and padded:
        pool = make.layers.MaxPooling2D(1, strides, name=f"{prefix}_subsample")
        more = max(1, round(make.width * filters)) - x.shape[-1]
        ends = [more // 2, more - more // 2]
        shortcut = make.padded(pool(x), [[0, 0], [0, 0], [0, 0], ends])
    elif strides > 1:
        name = f"{prefix}_downsample"
        shortcut = make.conv(filters, name, size=1, strides=strides)(x)
        shortcut = make.norm(f"{name}_norm")(shortcut)
    x = make.conv(filters, f"{prefix}_conv1", strides=strides)(x)
    x = make.layers.ReLU(name=f"{prefix}_relu1")(make.norm(f"{prefix}_norm1")(x))
    x = make.norm(f"{prefix}_norm2")(make.conv(filters, f"{prefix}_conv2")(x))
    x = make.layers.Add(name=f"{prefix}_add")([x, shortcut])
    return make.layers.ReLU(name=f"{prefix}_relu2")(x)


def _resnet50(make: Maker, x: Any) -> Any:
    """The ImageNet ResNet of 50 layers (1512.03385, table 1), for images of any size.

    A block's stride is that of its 3x3 convolution. The 1x1 convolutions on shortcuts
    are named conv0 of their blocks: a tenth of the weights, and pruned as others are.
    """
    x = make.conv(64, "conv1", size=7, strides=2)(x)
    x = make.layers.ReLU(name="relu1")(make.norm("norm1")(x))
    x = make.layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    for stage, (blocks, filters) in enumerate(_BOTTLENECKS, 1):
        for block in range(1, blocks + 1):
            prefix = f"stage{stage}_block{block}"
            strides = 2 if stage > 1 and block == 1 else 1
            shortcut = x
            if block == 1:
                shortcut = make.conv(4 * filters, f"{prefix}_conv0", 1, strides)(x)
                shortcut = make.norm(f"{prefix}_norm0")(shortcut)
            x = _bottleneck(make, x, filters, strides, prefix)
            x = make.layers.Add(name=f"{prefix}_add")([x, shortcut])
            x = make.layers.ReLU(name=f"{prefix}_relu3")(x)
    return make.layers.GlobalAveragePooling2D(name="average")(x)


def _bottleneck(make: Maker, x: Any, filters: int, strides: int, prefix: str) -> Any:
    """Three convolutions, of which the middle one has a quarter of the channels."""
    for number, (size, step, wide) in enumerate(
        ((1, 1, 1), (3, strides, 1), (1, 1, 4)), 1
    ):
        x = make.conv(wide * filters, f"{prefix}_conv{number}", size, step)(x)
        x = make.norm(f"{prefix}_norm{number}")(x)
        if number < 3:
            x = make.layers.ReLU(name=f"{prefix}_relu{number}")(x)
    return x


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Layers from the images to the output layer, and what kinds there are.

    `halvings` is how often it pools by 2.
    """

    features: Callable[[Maker, Any], Any]
    halvings: int = 0
    convolutions: bool = True
    hidden_dense: bool = True


def _conv_network(groups: int) -> Architecture:
    return Architecture(functools.partial(_conv_net, groups=groups), halvings=groups)


def _vgg_network(*depths: int) -> Architecture:
    return Architecture(functools.partial(_vgg, depths=depths), 4, hidden_dense=False)


_RESNET20 = Architecture(_resnet, hidden_dense=False)


def _padded_resnet(blocks: int) -> Architecture:
    features = functools.partial(_resnet, blocks=blocks, padded=True)
    return Architecture(features, hidden_dense=False)


ARCHITECTURES = {
    "lenet": Architecture(_lenet, convolutions=False),
    "conv2": _conv_network(1),
    "conv4": _conv_network(2),
    "conv6": _conv_network(3),
    "resnet18": _RESNET20,
    "resnet20": _RESNET20,
    "resnet20_padded": _padded_resnet(3),
    "resnet50": Architecture(_resnet50, halvings=5, hidden_dense=False),
    "resnet56": _padded_resnet(9),
    "resnet110": _padded_resnet(18),
    "vgg16": _vgg_network(2, 2, 3, 3, 3),
    "vgg16_dense": Architecture(
        functools.partial(_vgg, depths=(2, 2, 3, 3, 3), dense=True),
        halvings=5,
        hidden_dense=False,
    ),
    "vgg19": _vgg_network(2, 2, 4, 4, 4),
}
