"""wrap and unwrap change nothing but pruning: a grid over families of models."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import collect_prunable_layers, keras
from lth_keras.masking import weights
from tests.support.masked_models import arrays, equal, masked, network_weights
from tests.support.model_zoo import FAMILIES, Built, dense, names

each_family = pytest.mark.parametrize("family", FAMILIES, ids=names(FAMILIES))


@dataclasses.dataclass
class Case:
    """A model, its input and its wrapped copy, for tests that change none of them.

    Attributes:
        before: what wrapping must leave alone in the model, as it was.
        after: the same, once it was wrapped.
    """

    model: keras.Model
    inputs: Any
    wrapped: keras.Model
    before: Any
    after: Any


@functools.cache
def case(family: Callable[[], Built]) -> Case:
    model, inputs = family()
    before = state(model)
    wrapped = lth.wrap(model, 0.5)
    return Case(model, inputs, wrapped, before, state(model))


def state(model: keras.Model) -> Any:
    parts = model.submodules
    found = [part for part in parts if isinstance(part, keras.layers.Layer)]
    return (
        [id(part) for part in parts],
        [layer.trainable for layer in found],
        [(len(layer.inbound_nodes), len(layer.outbound_nodes)) for layer in found],
        [id(v) for v in model.weights],
        [a.tolist() for a in arrays([v for v in model.weights if is_variable(v)])],
    )


def is_variable(weight: Any) -> bool:
    """Vocabularies stand among a model's weights too."""
    return isinstance(weight, tf.Variable)


@each_family
def test_predictions_stay_bit_for_bit(family):
    this = case(family)
    assert equal(this.model(this.inputs), this.wrapped(this.inputs))


@each_family
def test_losses_and_gradients_stay_bit_for_bit(family):
    this = case(family)

    def step(net):
        variables = net.trainable_variables
        with tf.GradientTape() as tape:
            outputs = tf.nest.flatten(net(this.inputs))
            loss = sum(tf.reduce_mean(tf.cast(o, "float32") ** 2) for o in outputs)
            losses = list(net.losses)
            loss = loss + sum(tf.cast(value, "float32") for value in losses)
        gradients = tape.gradient(loss, variables)
        return losses, [tf.convert_to_tensor(g) for g in gradients]

    assert equal(step(this.model), step(this.wrapped))


@each_family
def test_names_shapes_and_order_stay(family):
    model, wrapped = case(family).model, case(family).wrapped
    assert type(wrapped) is type(model) and wrapped.name == model.name
    assert wrapped.output_names == model.output_names
    assert wrapped.input_names == model.input_names
    assert [layer.name for layer in wrapped.layers] == [x.name for x in model.layers]
    plain = [(w.name, w.kind, w.shape) for w in weights.weights_of(model)]
    found = weights.weights_of(wrapped)
    assert [(w.name, w.kind, w.shape) for w in found] == plain
    assert sum(w.mask is not None for w in found) == FAMILIES[family]


@each_family
def test_variables_keep_name_type_value_and_whether_they_train(family):
    model, wrapped = case(family).model, case(family).wrapped
    before = [v for v in model.weights if is_variable(v)]
    after = [v for v in network_weights(wrapped) if is_variable(v)]
    assert [v.name for v in after] == [v.name for v in before]
    assert [v.dtype for v in after] == [v.dtype for v in before]
    assert equal(before, after)
    trainable = {v.name for v in model.trainable_variables}
    assert {v.name for v in wrapped.trainable_variables} == trainable


@each_family
def test_output_types_and_keras_masks_stay(family):
    model, wrapped = case(family).model, case(family).wrapped
    for one, other in zip(model.outputs, wrapped.outputs, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
    for one, other in zip(model.layers, wrapped.layers, strict=True):
        if one.inbound_nodes:
            masks = [hasattr(t, "_keras_mask") for t in tf.nest.flatten(one.output)]
            assert masks == [
                hasattr(t, "_keras_mask") for t in tf.nest.flatten(other.output)
            ]
        assert one.dtype_policy.name == other.dtype_policy.name


@each_family
def test_nothing_is_shared_with_the_callers_model(family):
    model, wrapped = case(family).model, case(family).wrapped
    ours = {id(layer) for layer in model.submodules}
    assert ours.isdisjoint(id(layer) for layer in wrapped.submodules)
    variables = {id(getattr(v, "_variable", v)) for v in model.weights}
    assert variables.isdisjoint(id(getattr(v, "_variable", v)) for v in wrapped.weights)
    assert collect_prunable_layers(model) == []


@each_family
def test_the_callers_model_is_left_as_it_was(family):
    assert case(family).before == case(family).after


@each_family
def test_unwrapping_gives_plain_keras_with_exact_zeros(family):
    this = case(family)
    variables = [v for v in this.wrapped.weights if is_variable(v)]
    values = arrays(variables)
    try:
        wrapped = masked(this.wrapped)
        plain = lth.unwrap(wrapped)
        assert type(plain) is type(this.model) and plain.name == this.model.name
        assert equal(wrapped(this.inputs), plain(this.inputs))
        pruned = [(w.name, ~w.read_mask()) for w in weights.weights_of(wrapped)]
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    assert traces_of_pruning(plain) == []
    for module in (*plain.submodules, plain):
        assert "get_prunable_weights" not in vars(module)
    for weight, (name, zeros) in zip(weights.weights_of(plain), pruned, strict=True):
        value = weight.read()[zeros]
        assert weight.name == name and not value.any() and not np.signbit(value).any()


def traces_of_pruning(model: keras.Model) -> list[str]:
    """Objects of tfmot or of this package that a model reaches by attributes."""
    found, seen, pending = [], set(), [model]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        module = type(item).__module__
        if module.startswith(("lth_keras", "tensorflow_model_optimization")):
            found.append(repr(type(item)))
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend(item)
        elif module.startswith(("tf_keras", "keras", "tests.support")):
            pending.extend(vars(item).values() if hasattr(item, "__dict__") else ())
    return found


def test_the_search_for_traces_finds_them():
    model, _ = dense()
    assert traces_of_pruning(lth.wrap(model, 0.5))


def test_a_function_that_a_text_layer_is_given_is_copied_with_it():
    def without_breaks(texts):
        return tf.strings.regex_replace(tf.strings.lower(texts), "<br />", " ")

    layers = keras.layers
    vectorise = layers.TextVectorization(
        standardize=without_breaks, output_mode="multi_hot"
    )
    vectorise.adapt(["a<br />b c", "D"])
    plain = keras.Sequential(
        [keras.Input((), dtype=tf.string), vectorise, layers.Dense(3)]
    )
    texts = tf.constant(["A<br />d", "b x"])
    np.testing.assert_array_equal(lth.wrap(plain)(texts), plain(texts))
