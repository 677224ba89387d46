"""The papers' networks as plain models of one Keras, unwrapped and uncompiled.

Layers and widths are those of arXiv 1803.03635, figure 2; resnet18 and resnet20 are
one network, the CIFAR ResNet-20 that the paper calls Resnet-18. Those of 1608.08710
have shortcuts padded with zeros (resnet20_padded, resnet56, resnet110), or a dense
layer of 512 behind the convolutions (vgg16_dense). Of the library the
programs alone import this file.

    model = build("lenet", input_shape=(28, 28, 1), classes=10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lth_keras.compat import keras as tf_keras
from lth_keras.errors import LotteryError
from lth_keras.papers.architectures import ARCHITECTURES, LENET, Architecture, Maker


def names() -> tuple[str, ...]:
    """The names that `build` knows."""
    return tuple(ARCHITECTURES)


def build(
    name: str,
    input_shape: Sequence[int],
    classes: int,
    *,
    hidden: Sequence[int] = LENET,
    width: float = 1.0,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
    keras: Any = tf_keras,
) -> Any:
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
      keras: the module whose model it is: tf_keras, or Keras 3.

    Returns:
      An uncompiled functional model from float images [batch, height, width,
      channels] to logits [batch, classes]. There is no softmax: compile with a loss
      that has `from_logits=True`.

    Raises:
      LotteryError: for an unknown name, a shape that is no image's, fewer than 2
        classes, an image too small for the network's pooling, or an option that is
        out of its range or not for this network.
    """
    if name not in ARCHITECTURES:
        raise LotteryError(
            f"model={name!r} is unknown; use one of {', '.join(names())}."
        )
    network = ARCHITECTURES[name]
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
    make = Maker(tuple(hidden), width, dropout, weight_decay, keras)
    _check_options(name, network, make)
    inputs = keras.Input(shape, name="image")
    logits = make.dense(classes, "output")(network.features(make, inputs))
    return keras.Model(inputs, logits, name=name)


def _check_options(name: str, network: Architecture, given: Maker) -> None:
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
    if network.convolutions and given.hidden != LENET:
        raise LotteryError(
            f"hidden={given.hidden!r} is for lenet alone; {name} has its layers fixed, "
            "and width changes its convolutions."
        )
    if not network.hidden_dense and given.dropout:
        raise LotteryError(
            f"dropout={given.dropout!r}: {name} has no hidden dense layer to drop "
            "units of; use 0, or lenet or a conv net."
        )
