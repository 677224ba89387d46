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
from lth_keras.compat import PruneLowMagnitude, collect_prunable_layers, keras, sparsity
from lth_keras.errors import LotteryError
from lth_keras.masking import weights
from lth_keras.masking.reinitialising import reinitialised
from tests.support.model_zoo import (
    FAMILIES,
    Built,
    arrays,
    dense,
    equal,
    floats,
    held,
    masked,
    names,
    network_weights,
    shared_across_models,
    text,
    violations,
)

layers = keras.layers
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
        elif module.startswith(("tf_keras", "keras", "model_zoo")):
            pending.extend(vars(item).values() if hasattr(item, "__dict__") else ())
    return found


def test_the_search_for_traces_finds_them():
    model, _ = dense()
    assert traces_of_pruning(lth.wrap(model, 0.5))


def test_an_unwrapped_model_is_independent_of_the_wrapped_one():
    wrapped = lth.wrap(dense()[0], 0.5)
    plain = lth.unwrap(wrapped)
    before = arrays(wrapped.weights)
    plain.compile("sgd", "mse")
    plain.fit(floats(8, 4), floats(8, 3), verbose=0)
    assert equal(before, wrapped.weights)


def test_a_model_that_is_not_wrapped_cannot_be_unwrapped():
    model, _ = dense()
    stock = sparsity.prune_low_magnitude(dense()[0])
    for each in (model, stock):
        with pytest.raises(LotteryError, match="is not wrapped: unwrap takes what"):
            lth.unwrap(each)


def test_an_unbuilt_sequential_model_is_wrapped_unbuilt():
    wrapped = lth.wrap(keras.Sequential([layers.Dense(3), layers.Dense(2)]), 0.5)
    assert not wrapped.built
    wrapped.compile("sgd", "mse")
    wrapped.fit(floats(8, 4), floats(8, 2), verbose=0)
    assert len(held(wrapped)) == 2
    lth.prune(wrapped)
    wrapped.fit(floats(8, 4), floats(8, 2), verbose=0)
    assert violations(wrapped) == []
    plain = lth.unwrap(wrapped)
    assert equal(plain(floats(8, 4)), wrapped(floats(8, 4)))


@pytest.mark.parametrize("eager", [False, True])
def test_an_unbuilt_model_counts_its_activity_loss_once(eager):
    def net():
        return keras.Sequential(
            [layers.Dense(3, kernel_initializer="ones", activity_regularizer="l2")]
        )

    losses = []
    for model in (net(), lth.wrap(net(), 0.5)):
        model.compile("sgd", "mse", run_eagerly=eager)
        losses.append(model.train_on_batch(floats(8, 4), np.zeros((8, 3))))
    assert losses[0] == losses[1]


def test_losses_by_output_name_train_as_before():
    from tests.support.model_zoo import named_outputs

    model, inputs = named_outputs()
    targets = {"y": np.ones((4, 1)), "z": np.ones((4, 2))}
    logs = []
    for net in (model, lth.wrap(model, 0.5)):
        net.compile("sgd", loss={"y": "mse", "z": "mae"}, metrics={"z": "mse"})
        logs.append(net.evaluate(inputs, targets, verbose=0, return_dict=True))
    assert logs[0] == logs[1]
    assert {"y_loss", "z_loss", "z_mse"} <= set(logs[0])


def test_a_layer_shared_across_nested_models_is_wrapped_once():
    wrapped = lth.wrap(shared_across_models()[0], 0.5)
    inner = wrapped.get_layer("in")
    assert inner.get_layer("common") is wrapped.get_layer("common")


def test_a_stateful_model_keeps_and_resets_its_state():
    model = keras.Sequential(
        [layers.GRU(2, stateful=True, batch_input_shape=(2, 3, 4)), layers.Dense(2)]
    )
    wrapped = lth.wrap(model, 0.5)
    inputs = floats(2, 3, 4)
    for _ in range(2):
        assert equal(model(inputs), wrapped(inputs))
    later = model(inputs)
    model.reset_states()
    wrapped.reset_states()
    assert equal(model(inputs), wrapped(inputs))
    assert not equal(later, wrapped(inputs))


def test_dropout_of_the_copy_can_be_seeded():
    wrapped = lth.wrap(dense()[0], 0.5)
    from lth_keras import compat

    found = []
    for _ in range(2):
        compat.reset_generators(wrapped, 3)
        found.append(wrapped(floats(4, 4), training=True))
    assert equal(*found)


def own_activation(inputs: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(inputs) * 2.0


class OwnRegulariser(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.1 * tf.reduce_sum(x**2)

    def get_config(self):
        return {}


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, activation=own_activation),
        layers.Dense(3, activation=lambda x: x * 3),
        layers.Dense(3, activation=tf.function(own_activation)),
        layers.Dense(3, kernel_regularizer=OwnRegulariser()),
        layers.Activation(own_activation),
        layers.Lambda(lambda x: x * 2),
    ],
    ids=["function", "lambda", "tf_function", "regulariser", "activation", "Lambda"],
)
def test_functions_and_classes_that_were_never_registered_are_copied(layer):
    model = keras.Sequential([keras.Input((4,)), layer, layers.Dense(2, name="last")])
    wrapped = lth.wrap(model, 0.5)
    assert equal(model(floats(2, 4)), wrapped(floats(2, 4)))
    assert equal(model.losses, wrapped.losses)
    assert equal(model(floats(2, 4)), lth.unwrap(wrapped)(floats(2, 4)))


def test_what_stock_tfmot_offers_works_on_the_wrapped_model():
    wrapped = masked(lth.wrap(dense()[0], 0.5))
    assert len(collect_prunable_layers(wrapped)) == 2
    wrapped.compile("adam", "mse")
    callbacks = [sparsity.UpdatePruningStep()]
    wrapped.fit(floats(8, 4), floats(8, 3), verbose=0, callbacks=callbacks)
    assert violations(wrapped) == []
    stripped = sparsity.strip_pruning(wrapped)
    assert not any(isinstance(m, PruneLowMagnitude) for m in stripped.submodules)
    assert equal(stripped(floats(4, 4)), wrapped(floats(4, 4)))
    part = keras.Model(stripped.input, stripped.layers[0].output)
    assert part(floats(4, 4)).shape == (4, 5)


def test_a_mask_chosen_by_tfmots_own_callback_is_not_touched():
    wrapped = masked(lth.wrap(dense()[0], 0.5))
    before = [mask.numpy() for _, mask in held(wrapped)]
    wrapped.compile("adam", "mse")
    callbacks = [sparsity.UpdatePruningStep()]
    wrapped.fit(floats(8, 4), floats(8, 3), epochs=3, verbose=0, callbacks=callbacks)
    assert equal(before, [mask for _, mask in held(wrapped)])


def test_new_initial_weights_follow_the_seed_and_keep_adapted_state():
    inputs = keras.Input((4,))
    normalise = layers.Normalization()
    normalise.adapt(floats(20, 4) + 3)
    seeded = keras.initializers.GlorotUniform(seed=1)
    hidden = layers.Dense(5, kernel_initializer=seeded)(normalise(inputs))
    frozen = layers.Dense(3, trainable=False, name="frozen")
    model = lth.wrap(keras.Model(inputs, layers.Dense(2)(frozen(hidden))), 0.5)
    first, again, other = (reinitialised(model, seed) for seed in (1, 1, 2))
    assert equal(first.weights, again.weights)
    kernels = [m.layers[2].kernel for m in (first, other)]
    assert not equal(*kernels)
    assert not equal(kernels[0], model.layers[2].layer.kernel)
    assert equal(first.layers[1].mean, normalise.mean)
    assert equal(first.get_layer("frozen").kernel, model.get_layer("frozen").kernel)
    assert reinitialised(lth.wrap(text()[0], 0.5), 1)(text()[1]).shape == (2, 3)


def test_pretrained_weights_are_the_initial_weights():
    model, _ = dense()
    model.set_weights([np.full(w.shape, i) for i, w in enumerate(model.get_weights())])
    start = lth.capture(lth.wrap(model, 0.5))
    assert [float(w.flat[0]) for w in start.weights] == [0, 1, 2, 3]
