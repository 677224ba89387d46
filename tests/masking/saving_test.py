"""A wrapped model goes through files with its masks, and stays the same model."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import collect_prunable_layers, keras, sparsity
from tests.support.masked_models import equal, held, masked, violations
from tests.support.model_zoo import (
    attention,
    blocks,
    convolutions,
    custom_layers,
    dense,
    einsum,
    given_state,
    half_precision,
    named_outputs,
    recurrent,
)

FORMATS = ["model.keras", "model.h5", "model"]


def in_turn(family: Callable, names: list[str], fast: int) -> list:
    """Every format for a family, of which one at most is for the fast suite."""
    return [
        pytest.param(family, name, marks=() if index == fast else pytest.mark.slow)
        for index, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("family", "name"),
    [
        *((dense, name) for name in FORMATS),
        *in_turn(attention, FORMATS, 0),
        *in_turn(named_outputs, FORMATS, 1),
        *in_turn(half_precision, FORMATS, -1),
        *in_turn(custom_layers, FORMATS[:2], 0),
        *in_turn(recurrent, FORMATS[:2], 1),
        *in_turn(convolutions, FORMATS[:1], -1),
        *in_turn(blocks, FORMATS, -1),
        *in_turn(given_state, FORMATS[:1], -1),
        *in_turn(einsum, FORMATS[:1], -1),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_wrapped_model_comes_back_from_a_file(family, name, tmp_path):
    model, inputs = family()
    wrapped = masked(lth.wrap(model, 0.3, scope="global", criterion="movement"))
    wrapped.save(tmp_path / name)
    loaded = keras.models.load_model(tmp_path / name)
    assert equal(wrapped(inputs), loaded(inputs))
    assert loaded.output_names == wrapped.output_names
    assert equal([m for _, m in held(wrapped)], [m for _, m in held(loaded)])
    assert violations(loaded) == []
    for layer in collect_prunable_layers(loaded):
        assert type(layer) is lth.PruneByLevel
        assert (layer.rate, layer.scope, layer.criterion) == (0.3, "global", "movement")


@pytest.mark.parametrize(
    "name",
    [FORMATS[0], *(pytest.param(n, marks=pytest.mark.slow) for n in FORMATS[1:])],
)
def test_a_loaded_model_goes_on_training_on_its_masks(name, tmp_path):
    model, inputs = dense()
    wrapped = masked(lth.wrap(model, 0.5))
    wrapped.compile("adam", "mse")
    wrapped.fit(inputs, np.ones((4, 3)), verbose=0)
    wrapped.save(tmp_path / name)
    loaded = keras.models.load_model(tmp_path / name)
    loaded.fit(inputs, np.ones((4, 3)), epochs=2, verbose=0)
    assert len(held(loaded)) == 2 and violations(loaded) == []
    assert lth.prune(loaded) < 0.5
    loaded.fit(inputs, np.ones((4, 3)), verbose=0)
    lth.verify(loaded)


def test_the_scope_of_stock_tfmot_loads_it_too(tmp_path):
    wrapped = masked(lth.wrap(dense()[0], 0.5))
    wrapped.save(tmp_path / "model.keras")
    with sparsity.prune_scope():
        loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(collect_prunable_layers(loaded)) == 2


@pytest.mark.parametrize("name", ["w.weights.h5", "old.h5", "checkpoint"])
def test_weights_files_hold_weights_and_masks(name, tmp_path):
    model, inputs = convolutions()
    wrapped = masked(lth.wrap(model, 0.5))
    wrapped.save_weights(tmp_path / name)
    other = lth.wrap(convolutions()[0], 0.5)
    other.load_weights(tmp_path / name)
    assert equal(wrapped(inputs), other(inputs))
    assert equal([m for _, m in held(wrapped)], [m for _, m in held(other)])


def test_a_deep_copy_and_a_clone_are_wrapped_models():
    model, inputs = dense()
    wrapped = masked(lth.wrap(model, 0.5))
    twin = copy.deepcopy(wrapped)
    assert equal(wrapped(inputs), twin(inputs)) and len(held(twin)) == 2
    clone = keras.models.clone_model(wrapped)
    clone.set_weights(wrapped.get_weights())
    assert equal(wrapped(inputs), clone(inputs)) and violations(clone) == []
