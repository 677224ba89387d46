"""Every flag of a lottery search: its default, what is allowed, and its help.

A default of None is found from the other flags, by `settings.read`.
"""

from __future__ import annotations

import fractions
import math
import re
from typing import Any

from absl import flags

from lth_keras.papers.settings import (
    DIGITS_ITERATIONS,
    OPTIMIZERS,
    PAPER,
    listed,
    of_paper,
)
from lth_keras.programs import (
    chain_flags,
    data_flags,
    decays,
    flagfiles,
    job_flags,
    pruning_flags,
    strategy_flags,
)
from lth_keras.programs.values import (
    TEXT,
    Serializer,
    Value,
    one_of,
    real,
    split,
    whole,
)

# A layer or a convolution beyond these does not fit any machine.
_MOST_UNITS, _MOST_WIDTH = 100_000, 100


def define() -> flags.FlagValues:
    """New flags, apart from absl's global ones, to which TensorFlow adds its own."""
    known = flags.FlagValues()

    def flag(name: str, default: Any, parser: flags.ArgumentParser, text: str) -> None:
        flags.DEFINE(parser, name, default, text, known, Serializer())

    _define_network(flag)
    data_flags.define(flag)
    _define_training(flag)
    pruning_flags.define(flag)
    chain_flags.define(flag)
    job_flags.define(flag)
    strategy_flags.define(flag)
    flag(
        "flagfile",
        None,
        TEXT,
        "File of further flags, one in a line; or the name of one that comes with the "
        f"program: {', '.join(flagfiles.names())}.",
    )
    return known


_Flag = job_flags.Flag


def _define_network(flag: _Flag) -> None:
    flag(
        "dataset",
        "digits",
        TEXT,
        "Images to classify: digits (1,797 of 8x8, no network needed), mnist, "
        "fashion_mnist, cifar10, or the TFDS name of any image classification set.",
    )
    flag(
        "data_dir",
        None,
        TEXT,
        "Directory of prepared TFDS data, local or gs://. Default: TFDS's own.",
    )
    flag(
        "validation_size",
        None,
        whole(1),
        "Training examples taken for validation, which are not trained on. Default: "
        "5,000, or an eighth where that is less.",
    )
    flag("model", "lenet", one_of(PAPER), f"Network: {', '.join(PAPER)}.")
    flag(
        "hidden",
        "300,100",
        Value(
            lambda text: tuple(int(units) for units in split(text)),
            lambda hidden: all(1 <= units <= _MOST_UNITS for units in hidden),
            f"use whole numbers, 1 to {_MOST_UNITS}, with commas",
        ),
        "Units of lenet's hidden layers, numbers with commas between them.",
    )
    flag(
        "width",
        1.0,
        real(
            lambda width: 0 < width <= _MOST_WIDTH,
            f"use a number above 0, up to {_MOST_WIDTH}",
        ),
        "Factor on the channels of every convolution; a wide ResNet-20 has 2 or 4.",
    )
    flag(
        "dropout",
        0.0,
        real(lambda rate: 0 <= rate < 1, "use a fraction, 0 or more and below 1"),
        "Fraction of the units dropped after each hidden dense layer, for lenet and "
        "the conv nets. The paper's runs with dropout: 0.5.",
    )


def _define_training(flag: _Flag) -> None:
    flag(
        "iterations",
        None,
        whole(1),
        f"Training steps per level. Default: {DIGITS_ITERATIONS} for digits, else "
        f"from the paper: {of_paper('iterations')}.",
    )
    flag(
        "batch_size",
        None,
        whole(1),
        "Examples per training step. Default, from the paper: "
        f"{of_paper('batch_size')}.",
    )
    flag(
        "optimizer",
        None,
        one_of(OPTIMIZERS),
        f"adam, sgd, or momentum. Default, from the paper: {of_paper('optimizer')}.",
    )
    flag(
        "learning_rate",
        None,
        real(lambda rate: 0 < rate < math.inf, "use a number above 0"),
        "Step size at the first iteration, or after the warmup, a plain number. "
        f"Default, from the paper: {of_paper('learning_rate')}. With another optimizer "
        "than the paper's: "
        f"{listed((rate, [name]) for name, rate in OPTIMIZERS.items())}.",
    )
    flag(
        "momentum",
        None,
        real(lambda share: 0 <= share < 1, "use a fraction, 0 or more and below 1"),
        "Fraction of the last step kept in the next, for --optimizer=momentum alone. "
        "Default: 0.9.",
    )
    flag(
        "warmup",
        0,
        whole(0),
        "Iterations in which the learning rate rises, in equal steps from 0, to what "
        "it is without.",
    )
    flag(
        "lr_drops",
        None,
        Value(
            _shares,
            lambda shares: list(shares) == sorted({s for s in shares if 0 < s < 1}),
            "use rising fractions of the iterations, as in 2/3,5/6 or 0.5,0.75, or "
            "none",
        ),
        "Fractions of the iterations after which the learning rate falls to a tenth, "
        "with commas between them, or none. Default, from the paper: 2/3,5/6 for "
        "resnet, 1/2,3/4 for vgg, else none.",
    )
    flag(
        "lr_decay",
        "none",
        decays.value(),
        "cosine: the learning rate falls along half a cosine to 0 over the iterations; "
        "cosine:cycles=4: it does so four times, in a quarter of them each.",
    )
    flag(
        "weight_decay",
        None,
        real(lambda decay: 0 <= decay < math.inf, "use a number, 0 or more"),
        "Share of each kernel added to its gradient, a plain number; the penalty "
        "counts in the losses. Default, from the paper: "
        f"{of_paper('weight_decay')}.",
    )
    flag(
        "jit",
        "auto",
        one_of(("auto", "on", "off")),
        "Whether XLA compiles the training step; auto: on a GPU or TPU, and on a CPU "
        "for networks without convolutions; with Keras 3 on JAX always, on torch not.",
    )
    flag(
        "keras",
        "tf_keras",
        one_of(("tf_keras", "keras3")),
        "Whose model is trained: tf_keras's, which is wrapped, or Keras 3's, which is "
        "held in place and trained by its own fit on the backend that the environment "
        "names, KERAS_BACKEND=tensorflow, jax or torch.",
    )


def _shares(text: str) -> tuple[float, ...]:
    if text == "none":
        return ()
    return tuple(map(_share, split(text)))


def _share(text: str) -> float:
    # Not every text that Fraction takes: it would work out 1e999999999.
    exact = re.fullmatch(r"\d{1,15}/\d{1,15}", text, re.ASCII)
    return float(fractions.Fraction(text)) if exact else float(text)
