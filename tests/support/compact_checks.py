"""What tests of compact share: random weights with zeros, and what must be equal."""

import numpy as np

from lth_keras.compacting.model import compact, compaction
from lth_keras.compat import keras
from tests.support import masked_models


def randomise(model: keras.Model, density: float, seed: int = 0) -> keras.Model:
    """Random weights of every kind, kernels with zeros; scale kept, so no overflow."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        shape = weight.shape
        value = rng.normal(size=shape)
        if "variance" in weight.name:
            value = rng.uniform(0.5, 2.0, shape)
        elif "kernel" in weight.name:
            keep = rng.random(shape) < density
            value *= keep / np.sqrt(max(1.0, keep.sum() / shape[-1]))
        weight.assign(value)
    return model


def inputs_of(model: keras.Model, batch: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [
        rng.normal(size=(batch, *tensor.shape[1:])).astype("float32")
        for tensor in model.inputs
    ]


def assert_equal(model: keras.Model, small: keras.Model, given=None) -> None:
    given = inputs_of(model) if given is None else given
    expected = masked_models.arrays(model(given))
    found = masked_models.arrays(small(given))
    assert len(expected) == len(found)
    for a, b in zip(expected, found, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-5 * (1 + np.abs(a).max()))


def check(model: keras.Model, given=None, fixed_point=True):
    """Compacts, compares, and compacts once more, which must change nothing.

    Where whole branches are dead the second time may find more, but never adds. With
    every unused input taken out; the default, a crop, is only compared.
    """
    before = [weight.numpy() for weight in model.weights]
    done = compaction(model, gather=True)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    assert_equal(model, done.model, given)
    assert_equal(model, compact(model), given)
    again = compaction(done.model, gather=True)
    assert again.parameters[0] == done.parameters[1] >= again.parameters[1]
    if fixed_point:
        assert again.parameters[1] == done.parameters[1]
        assert again.multiply_adds[1] == done.multiply_adds[1]
    return done


def sizes_of(done) -> dict[str, tuple[int, int]]:
    """Inputs and units of each layer afterwards."""
    return {layer.name: (layer.inputs[1], layer.units[1]) for layer in done.layers}


def assign(model: keras.Model, name: str, *values) -> None:
    layer = model.get_layer(name)
    layer.set_weights([np.asarray(value, "float32") for value in values])
