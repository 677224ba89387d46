"""Do two models compute the same? Asked before a converted model is handed out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.converting import trial_inputs
from lth_keras.converting.reasons import reason
from lth_keras.converting.weights import Twins, read
from lth_keras.errors import LotteryError

# Of the largest output; the two Keras add in another order.
_TOLERANCE = {"float32": 1e-5, "float64": 1e-5, "float16": 2e-2, "bfloat16": 1e-1}
# JAX and torch have convolutions and matrix products of their own.
_OTHER_KERNELS = 1e-3
_SPREAD = 0.2
# A tensor of Keras 3, and that of tf_keras.
Ends = Sequence[tuple[Any, Any]]


_FROM_KERAS3 = (
    "lth.from_keras3 does not convert one of its layers rightly; convert parts of it "
    "to find which."
)


def check_same(
    source: Any,
    made: keras.Model,
    ends: Ends,
    pairs: Sequence[Twins],
    instead: str = _FROM_KERAS3,
) -> float:
    """Compares predictions on random inputs.

    Weights that are constant, such as the statistics and scales of a new
    BatchNormalization, would not show whether they are mistaken for each other: while
    the two are compared they take random values around theirs. And because a softmax
    hides what differs before it, so is what its call is given.

    Args:
        source: a built model of Keras 3.
        made: the tf_keras model made of it, of the same weights.
        ends: tensors of both that are compared.
        pairs: the weights of both.
        instead: what to do where they differ.

    Returns:
        The largest difference, over the largest entry where that is above one.

    Raises:
        LotteryError: they differ by more than rounding, or cannot be called.
    """
    ours, theirs = ([end[side] for end in ends] for side in (0, 1))
    first = compat.keras3().Model(source.inputs, ours)
    second = keras.Model(compat.keras3().tree.flatten(made.input), theirs)
    with _stirred(pairs), _without_states(source, made):
        inputs, wanted = _predictions(source.name, first)
        found = _called(made.name, second, inputs)
    worst = 0.0
    for index, (a, b) in enumerate(zip(wanted, found, strict=True)):
        difference = _difference(a, _array(b))
        worst = max(worst, difference)
        if not difference <= _tolerance(source):
            raise LotteryError(
                f"output {index} of model {source.name!r} differs in tf_keras by "
                f"{difference:.1g} of its largest entry: {instead}"
            )
    return worst


@contextlib.contextmanager
def _stirred(pairs: Sequence[Twins]) -> Iterator[None]:
    """Lets constant weights of both models have random values for a while."""
    rng = np.random.default_rng(0)
    held = []
    try:
        for source, made in pairs:
            value = read(source)
            floats = np.issubdtype(value.dtype, np.floating)
            if not (floats and value.size and np.all(value == value.flat[0])):
                continue
            held.append((source, made, value))
            noise = rng.uniform(-_SPREAD, _SPREAD, value.shape)
            value = (value + noise).astype(value.dtype)
            source.assign(value)
            made.assign(value)
        yield
    finally:
        for source, made, value in held:
            source.assign(value)
            made.assign(value)


@contextlib.contextmanager
def _without_states(source: Any, made: keras.Model) -> Iterator[None]:
    """Lets stateful recurrent layers begin anew in both, and end as they were."""
    states = [
        (state, read(state))
        for layer in trial_inputs.layers_within(source)
        if getattr(layer, "stateful", False)
        for state in compat.keras3().tree.flatten(getattr(layer, "states", None))
        if state is not None
    ]
    try:
        for state, value in states:
            state.assign(np.zeros_like(value))
        yield
    finally:
        for state, value in states:
            state.assign(value)
        made.reset_states()


def _predictions(name: str, model: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs that the model takes, and what it makes of them."""
    raised: Exception | None = None
    for inputs in trial_inputs.candidates(model):
        try:
            outputs = model(_tensors(inputs), training=False)
            flat = compat.keras3().tree.flatten(outputs)
            return inputs, [_array(value) for value in flat]
        except Exception as error:  # Too small an image, and what layers raise.
            raised = error
    raise LotteryError(
        f"model {name!r} took no random inputs, so that its predictions cannot be "
        f"compared ({reason(raised)})"
    ) from raised


def _called(name: str, model: keras.Model, inputs: list[np.ndarray]) -> list[Any]:
    """What the model of tf_keras makes of inputs that the other takes."""
    try:
        return list(tf.nest.flatten(model(_tensors(inputs), training=False)))
    except Exception as error:  # What layers raise, the user's among them.
        raise LotteryError(
            f"model {name!r} cannot be called in tf_keras with inputs that it takes in "
            f"Keras 3 ({reason(error)})"
        ) from error


def _tensors(inputs: list[np.ndarray]) -> Any:
    """What a model is called with; beside texts all are tensors of TensorFlow."""
    texts = any(value.dtype == object for value in inputs)
    return [tf.constant(value) for value in inputs] if texts else inputs


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "values") and hasattr(value, "row_splits"):
        return np.asarray(value.to_tensor())
    if isinstance(value, tf.Tensor):
        return np.asarray(value)
    return np.asarray(compat.keras3().ops.convert_to_numpy(value))


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.shape != theirs.shape:
        return float("inf")
    if not np.issubdtype(ours.dtype, np.number) and ours.dtype.name != "bfloat16":
        return 0.0 if np.array_equal(ours, theirs) else float("inf")
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    if not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
        return float("inf")
    finite = np.isfinite(ours)
    largest = np.max(np.abs(ours[finite]), initial=1.0)
    return float(np.max(np.abs(ours[finite] - theirs[finite]), initial=0.0) / largest)


def _tolerance(source: Any) -> float:
    """The loosest of all layers: half precision anywhere rounds everything behind."""
    found = {layer.compute_dtype for layer in trial_inputs.layers_within(source)}
    tensorflow = compat.keras3().backend.backend() == "tensorflow"
    most = max(_TOLERANCE.get(str(name), 0.0) for name in {"float32", *found})
    return most if tensorflow else max(most, _OTHER_KERNELS)
