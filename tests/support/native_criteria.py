"""Criteria of gradients on Keras 3 models, against loops in NumPy; on any backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import lth_keras as lth
from lth_keras.masking.network import Network
from tests.support import criteria_by_hand as by_hand
from tests.support.criteria_by_hand import ORACLES, X, Y

RATE = 0.6  # of 48 + 24 weights: 29 stay
L2 = 0.1


def network(
    criterion: str, activation: str | None = None, reduction: str = "auto", **given: Any
) -> Any:
    """Two dense layers, the same at every call; biases do not stand at zero."""
    rng = np.random.default_rng(4)
    layers = keras.layers
    made = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu", name="hidden", **given),
            # Neither has a say in gradients, which are of the evaluation.
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(3, activation, name="head"),
        ]
    )
    made.set_weights([rng.normal(size=w.shape) for w in made.get_weights()])
    kind = "sum_over_batch_size" if reduction == "auto" else reduction
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=not activation, reduction=kind
    )
    made.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"])
    return lth.hold(made, RATE, "global", criterion)


def state(model: Any) -> list[np.ndarray]:
    """Everything that a step or an evaluation would write."""
    held = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in held]


def values(model: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Kernels and biases in float64."""
    found = [weight.read().astype(np.float64) for weight in Network.of(model).weights]
    return found[::2], found[1::2]


def times(arrays: list[np.ndarray], masks: list[np.ndarray]) -> list[np.ndarray]:
    return [array * mask for array, mask in zip(arrays, masks, strict=True)]


def kept_otherwise_than_by_hand() -> list[str]:
    wrong = []
    for criterion, oracle in ORACLES.items():
        for activation in (None, "softmax") if criterion == "synflow" else (None,):
            model = network(criterion, activation)
            expected = oracle(*values(model))
            before = state(model)
            density = lth.prune(model, data=None if activation else (X, Y))
            masks = Network.of(model).masks
            if density != 29 / 72 or not all(map(np.array_equal, masks, expected)):
                wrong.append(f"{criterion} {activation}: {density}")
            by_key = {w.key: w.read_mask() for w in Network.of(model).pruned}
            for variable, old, new in zip(
                model.variables, before, state(model), strict=False
            ):
                kept = by_key.get(id(variable), True)
                if not np.array_equal(np.where(kept, old, 0), new):
                    wrong.append(f"{criterion}: {variable.path} is another")
    return wrong


def gradients_other_than_by_hand() -> list[str]:
    wrong = []

    def differ(what: str, found: list[np.ndarray], expected: list[np.ndarray]) -> None:
        for ours, theirs in zip(found, expected, strict=True):
            if not np.allclose(ours, theirs, rtol=1e-4, atol=1e-5):
                far = np.abs(ours - theirs).max()
                wrong.append(f"{what}: {far} off")

    batches = [(X[:7], Y[:7]), (X[7:], Y[7:])]
    for data in ((X, Y), batches):
        model = network("snip")
        before = state(model)
        expected = by_hand.gradients(*values(model))
        differ("mean", Network.of(model).mean_gradients(data), expected)
        if not all(map(np.array_equal, before, state(model))):
            wrong.append("something was written")
    model = network("snip", reduction="sum")
    expected = [len(X) * g / 2 for g in by_hand.gradients(*values(model))]
    differ("sum", Network.of(model).mean_gradients(batches), expected)
    model = network("snip", kernel_regularizer=keras.regularizers.L2(L2))
    model.get_layer("head").trainable = False
    kernels, biases = values(model)
    first, second = by_hand.gradients(kernels, biases)
    expected = [first + 2 * L2 * kernels[0], second]
    differ("regularised", Network.of(model).mean_gradients((X, Y)), expected)
    # Pruned entries have no part, in the vector either.
    model = network("grasp")
    lth.prune(model, data=(X, Y))
    masks, (kernels, biases) = Network.of(model).masks, values(model)
    found = Network.of(model).mean_gradients((X, Y))
    differ("pruned", found, times(by_hand.gradients(kernels, biases), masks))
    rng = np.random.default_rng(0)
    vectors = [rng.normal(size=k.shape) for k in kernels]
    found = Network.of(model).hessian_products((X, Y), vectors)
    along = by_hand.along(kernels, biases, times(vectors, masks))
    differ("hessian", found, times(along, masks))
    return wrong
