"""What wrapping a deep model takes, as a multiple of Keras's own `clone_model`.

Both copy the same model. `wrap` also copies the weights and makes the masks.

    python benchmarks/wrap_speed.py
"""

from __future__ import annotations

from collections.abc import Callable

from absl import app, flags

import paired
from lth_keras.compat import keras
from lth_keras.masking import wrapping

_PAIRS = flags.DEFINE_integer("pairs", 3, "Pairs of runs per figure.")
_LAYERS = flags.DEFINE_integer("layers", 300, "Layers with a kernel.")


def _dense(depth: int) -> keras.Model:
    made = [keras.layers.Dense(16, activation="relu") for _ in range(depth)]
    return keras.Sequential([keras.Input((16,)), *made])


def _residual(depth: int) -> keras.Model:
    """Blocks of convolution, normalisation and sum, as a deep ResNet has them."""
    inputs = hidden = keras.Input((8, 8, 4))
    for _ in range(depth):
        side = keras.layers.Conv2D(4, 3, padding="same")(hidden)
        side = keras.layers.BatchNormalization()(side)
        hidden = keras.layers.add([hidden, keras.layers.ReLU()(side)])
    return keras.Model(inputs, hidden)


_MODELS: dict[str, Callable[[int], keras.Model]] = {
    "dense": _dense,
    "residual": _residual,
}


def main(_: list[str]) -> None:
    for name, build in _MODELS.items():
        model = build(_LAYERS.value)
        found = paired.measure(
            lambda model=model: wrapping.wrap(model),
            lambda model=model: keras.models.clone_model(model),
            _PAIRS.value,
        )
        paired.report(f"{name}, {_LAYERS.value} kernels, wrap / clone", found, "<= 2")


if __name__ == "__main__":
    app.run(main)
