"""The error at 30 places on the line between two LeNets, on 10,000 images.

Compiled before, as it is for every line of a study but the first; beside it the same
places by `model.set_weights` and `model.evaluate`, as a short script would have it.

    python benchmarks/line_speed.py
"""

from __future__ import annotations

import tempfile

import numpy as np
from absl import app, flags

import paired
from lth_keras.analysis.along import Along, between
from lth_keras.compat import keras
from lth_keras.masking.wrapping import unwrap, wrap
from lth_keras.papers import networks
from lth_keras.search.search import LotterySearch

_ALPHAS = flags.DEFINE_integer("alphas", 30, "Places on the line.")
_IMAGES = flags.DEFINE_integer("images", 10_000, "Test images.")
_PAIRS = flags.DEFINE_integer("pairs", 5, "Runs of each arm.")


def main(_: list[str]) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((_IMAGES.value, 28, 28, 1), np.float32)
    y = rng.integers(0, 10, _IMAGES.value)
    model = wrap(networks.build("lenet", (28, 28, 1), 10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], jit_compile=True)
    with tempfile.TemporaryDirectory() as folder:
        search = LotterySearch(model, levels=1, directory=folder)
        search.fit(x[:600], y[:600], batch_size=60, test_data=(x, y), verbose=0)
        first, second = (search.trained_weights(level) for level in (0, 1))
        along = Along(search, None)
        # The training data are another matter.
        along.evaluators = {"test": along.evaluators["test"]}
        alphas = np.linspace(0, 1, _ALPHAS.value).tolist()
        plain = unwrap(model)
        plain.compile("adam", loss, metrics=["accuracy"])

        def by_hand() -> None:
            for alpha in alphas:
                plain.set_weights(between(first, second, alpha))
                plain.evaluate(x, y, batch_size=1000, verbose=0)

        found = paired.measure(
            lambda: along(search.network, first, second, alphas),
            by_hand,
            _PAIRS.value,
        )
    what = f"{_ALPHAS.value} places on a line, {_IMAGES.value:,} images"
    paired.report(f"{what}: seconds", f"{min(found.seconds_a):.2f}", "<= 1")
    paired.report(f"{what}: lth / set_weights and evaluate", found, "<= 1")


if __name__ == "__main__":
    app.run(main)
