"""Further kinds of Keras 3 models and optimizers, on the backend of the process.

    KERAS_BACKEND=jax python -m tests.support.native_kinds [CASE ...]

Prints a JSON object: of each case what went wrong. Every case is trained after each of
two rounds beside a plain model whose gradients are multiplied by hand, and searched
twice, once with a stop between its levels.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from keras import optimizers as O  # noqa: E741, N812

import lth_keras as lth
from tests.support import native_filters as filters
from tests.support import native_models as zoo
from tests.support import native_oracle as oracle
from tests.support import small_search as small
from tests.support.native_slots import masks_of

IMAGES, WORDS = (8, 8, 1), (6,)


def shared() -> Any:
    """A layer that is called twice, and one that does not train."""
    entry = keras.Input(IMAGES)
    flat, twice = L.Flatten()(entry), L.Dense(8, "tanh", name="twice")
    both = L.Concatenate()([twice(flat), twice(-flat)])
    frozen = L.Dense(8, "relu", trainable=False)(both)
    return keras.Model(entry, L.Dense(zoo.CLASSES)(frozen))


def nested() -> Any:
    """Residual blocks of models in a model, with normalisation and dropout."""
    entry = keras.Input((6, 6, 4))
    inside = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(entry))
    block = keras.Model(entry, L.Add()([entry, L.ReLU()(inside)]), name="block")
    parts = [L.Conv2D(4, 3), block, L.Dropout(0.2, seed=3), L.Flatten()]
    head = keras.Sequential([L.Dense(6, "relu"), L.Dense(zoo.CLASSES)], name="head")
    return keras.Sequential([keras.Input(IMAGES), *parts, head])


def words() -> Any:
    """A table of words that is pruned too, masked steps, and attention."""
    entry = keras.Input(WORDS, dtype="int32")
    x = L.Embedding(12, 8, mask_zero=True)(entry)
    x = L.GRU(6, return_sequences=True)(x)
    x = L.LayerNormalization()(x)
    x = L.GroupQueryAttention(4, 4, 2)(x, x)
    x = L.Bidirectional(L.SimpleRNN(4))(x)
    return keras.Model(entry, L.Dense(zoo.CLASSES)(x))


def sequences_of_images() -> Any:
    parts = [
        L.Reshape((2, 4, 8, 1)),
        L.ConvLSTM2D(3, 2, return_sequences=True),
        L.TimeDistributed(L.Conv2D(2, 2)),
        L.Reshape((2, 24)),
        L.EinsumDense("abc,cd->abd", (2, 5), bias_axes="d", activation="relu"),
        L.GroupNormalization(5),
        L.Flatten(),
        L.SpectralNormalization(L.Dense(6)),
        L.PReLU(),
        L.Dense(zoo.CLASSES),
    ]
    return keras.Sequential([keras.Input(IMAGES), *parts])


def transposed() -> Any:
    parts = [
        L.Conv2DTranspose(3, 2),
        L.Reshape((81, 3)),
        L.Conv1D(4, 3, strides=3, kernel_constraint="unit_norm"),
        L.SeparableConv1D(3, 3),
        L.Flatten(),
        L.Dense(zoo.CLASSES, kernel_regularizer=keras.regularizers.L1L2(0.01, 0.01)),
    ]
    return keras.Sequential([keras.Input(IMAGES), *parts])


def own_step() -> Any:
    """A train step of the caller's: Keras's own, without metrics."""
    model = zoo.MODELS["dense"]()[0]
    oracle.multiply_gradients(model, {})
    return model


class Adds(L.Layer):
    """Adds to the loss, and holds a kernel that only the class itself names."""

    def build(self, shape: Any) -> None:
        self.mix = self.add_weight(shape=(shape[-1], 6), name="mix")

    def get_prunable_weights(self) -> list[Any]:
        return [self.mix]

    def call(self, x: Any) -> Any:
        self.add_loss(0.01 * keras.ops.mean(keras.ops.square(x)))
        return keras.ops.matmul(x, self.mix)


def own_layer() -> Any:
    parts = [L.Flatten(), Adds(), L.Dense(8, "gelu"), L.Dense(zoo.CLASSES)]
    return keras.Sequential([keras.Input(IMAGES), *parts])


def plain() -> Any:
    return zoo.MODELS["dense"]()[0]


class Case(NamedTuple):
    """A model and what trains it.

    Attributes:
        build: a new model.
        optimizer: a new optimizer.
        compiled: more for `compile`.
        policy: of its layers' dtypes.
        exact: whether it must be bit-equal to gradients that are multiplied by hand.
        holding: more for `hold`.
    """

    build: Callable[[], Any] = plain
    optimizer: Callable[[], Any] = lambda: O.Adam(1e-2)
    compiled: dict[str, Any] = zoo.PLAIN
    policy: str = "float32"
    exact: bool = True
    holding: dict[str, Any] = {"embeddings": True}  # noqa: RUF012


# JAX traces their loops anew in each step that it does not compile.
LOOPS = (words, sequences_of_images)
COMPILED = {"jit_compile": True, "steps_per_execution": 3}


def several() -> Any:
    """An optimizer that shares the weights among two others, with averages."""
    adam = O.Adam(1e-2, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3)
    return O.MultiOptimizer(O.OptimizerMap(O.Adagrad(0.05), {"dense.*": adam}))


CASES: dict[str, Case] = {
    "nested": Case(nested, lambda: O.Nadam(1e-2, clipnorm=0.1)),
    "own layer": Case(own_layer, lambda: O.Adamax(1e-2, weight_decay=0.01)),
    "own step": Case(own_step, lambda: O.Adagrad(0.05)),
    "sequences of images": Case(sequences_of_images, lambda: O.Lamb(1e-2)),
    "shared": Case(shared, lambda: O.Lion(1e-3, weight_decay=0.1)),
    "transposed": Case(transposed, lambda: O.Adadelta(0.5, clipvalue=0.01)),
    "words": Case(words, lambda: O.RMSprop(1e-2)),
    "adafactor": Case(optimizer=lambda: O.Adafactor(0.05)),
    "amsgrad, all at once": Case(
        optimizer=lambda: O.AdamW(
            O.schedules.ExponentialDecay(1e-2, 4, 0.9),
            amsgrad=True,
            global_clipnorm=0.5,
            use_ema=True,
            ema_momentum=0.5,
            ema_overwrite_frequency=4,
            gradient_accumulation_steps=2,
        )
    ),
    "ftrl": Case(optimizer=lambda: O.Ftrl(0.05, l1_regularization_strength=0.01)),
    "schedule-free": Case(optimizer=lambda: O.ScheduleFreeAdamW(1e-2)),
    "several": Case(nested, several),
    "muon": Case(nested, lambda: O.Muon(1e-2, weight_decay=0.01), exact=False),
    "compiled": Case(nested, compiled=COMPILED, exact=False),
    "float16": Case(nested, lambda: O.SGD(0.05, 0.9, True), policy="mixed_float16"),
    "bfloat16": Case(words, policy="mixed_bfloat16"),
    "eager": Case(shared, compiled={"run_eagerly": True}),
    "filters": Case(
        filters.residual_model,
        lambda: O.AdamW(
            1e-2, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3
        ),
        holding={"granularity": "filter", "where": "together"},
    ),
    "filters, compiled": Case(
        filters.residual_model,
        lambda: O.Muon(1e-2),
        compiled=COMPILED,
        exact=False,
        holding={"granularity": "filter"},
    ),
}


def made(case: Case) -> Any:
    """A compiled model, the same each time."""
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(case.policy)
    try:
        model = case.build()
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(case.optimizer(), zoo.loss(), **case.compiled)
    return model


def data(case: Case) -> tuple[np.ndarray, np.ndarray]:
    if case.build is words:
        rng = np.random.default_rng(0)
        x = rng.integers(0, 12, (zoo.EXAMPLES, *WORDS)).astype(np.int32)
        x[:, 0] += x[:, 0] == 0  # No example is all padding.
        return x, rng.integers(0, zoo.CLASSES, zoo.EXAMPLES)
    return zoo.data(IMAGES)


def fit(model: Any, case: Case) -> None:
    x, y = data(case)
    epochs = 1 if case.build in LOOPS else 2
    model.fit(x, y, batch_size=zoo.BATCH, shuffle=False, verbose=0, epochs=epochs)


def held(case: Case) -> Any:
    return lth.hold(made(case), rate=zoo.RATE, **case.holding)


def beside_hand(case: Case) -> list[str]:
    """Counts and zeros of a held model, and what differs from one masked by hand."""
    wrong, model = [], held(case)
    first = oracle.values(model)
    start = lth.capture(model)
    for _ in range(2):
        fit(model, case)
        lth.prune(model)
        lth.rewind(model, start)
    masks = masks_of(model)
    states = [np.array(g.state.numpy()) for g in oracle.generators(model)]
    fit(model, case)
    lth.verify(model)
    for index, mask in masks.items():
        # Filters are columns, and what goes with those of a sum may lose fewer.
        units = mask.reshape(-1, mask.shape[-1]).any(axis=0)
        units = units if "granularity" in case.holding else mask
        kept = units.size
        for _ in range(2):
            kept -= round(zoo.RATE * kept)
        found, pruned = np.count_nonzero(units), oracle.values(model)[index][~mask]
        fewer = found != kept and not (mask.ndim == 1 and found > kept)
        if fewer or np.any(pruned) or np.signbit(pruned).any():
            wrong.append(f"weight {index}: {found} kept, not {kept}")
    if not case.exact:
        return wrong
    plain = made(case)
    oracle.multiply_gradients(plain, masks)
    oracle.start_from(plain, first, masks)
    # Within a trace ScheduleFreeAdamW loses the weights that its momenta start from.
    plain.optimizer.build(plain.trainable_variables)
    oracle.set_generators(plain, states)
    fit(plain, case)
    pairs = zip(oracle.values(model), oracle.values(plain), strict=True)
    far = [i for i, (a, b) in enumerate(pairs) if not np.array_equal(a, b)]
    if far:
        wrong.append(f"weights {far} differ from those masked by hand")
    if not all(np.isfinite(v).all() for v in oracle.values(model)):
        wrong.append("a weight is not finite")
    return wrong


class Stops(keras.callbacks.Callback):
    """Ends the program, as far as it goes, in the second step of a `fit`."""

    def __init__(self, number: int):
        super().__init__()
        self._left = number

    def on_train_begin(self, logs: Any = None) -> None:
        self._left -= 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._left == 0 and batch == 1:
            raise Stopped


class Stopped(BaseException):
    """Raised by nothing else."""


def searched(case: Case, folder: pathlib.Path, *stop: int) -> Any:
    """A search with late rewinding, stopped in the middle of some levels, by number."""
    x, y = data(case)
    for number in (*stop, None):
        found = lth.LotterySearch(held(case), 2, folder, rewind_to="3it", seed=2)
        callbacks = [] if number is None else [Stops(number)]
        with contextlib.suppress(Stopped):
            found.fit(
                x,
                y,
                batch_size=zoo.BATCH,
                epochs=2,
                verbose=0,
                callbacks=callbacks,
            )
    return found


def stopped_between(case: Case) -> list[str]:
    """What differs where a search is stopped in two levels, and goes on."""
    with tempfile.TemporaryDirectory() as folder:
        whole = searched(case, pathlib.Path(folder, "whole"))
        parts = searched(case, pathlib.Path(folder, "parts"), 2, 1)
        return [
            f"level {level} differs after a stop"
            for level in range(3)
            if not small.same_bits(
                whole.trained_weights(level), parts.trained_weights(level)
            )
            or whole.ticket(level).fingerprint != parts.ticket(level).fingerprint
        ]


def main(asked: list[str]) -> None:
    found: dict[str, list[str]] = {}
    for name in asked or CASES:
        case = CASES[name]
        if case.compiled is COMPILED and keras.backend.backend() == "torch":
            continue  # Which Keras 3 does not compile.
        try:
            found[name] = [*beside_hand(case), *stopped_between(case)]
        except Exception:
            found[name] = [traceback.format_exc()]
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
