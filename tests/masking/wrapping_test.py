"""wrap and unwrap of one model or another: what it has of its own stays."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import PruneLowMagnitude, collect_prunable_layers, keras, sparsity
from lth_keras.errors import LotteryError
from tests.support.masked_models import arrays, equal, held, masked, violations
from tests.support.model_zoo import dense, floats, named_outputs, shared_across_models

layers = keras.layers


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_losses_by_output_name_train_as_before():
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_mask_chosen_by_tfmots_own_callback_is_not_touched():
    wrapped = masked(lth.wrap(dense()[0], 0.5))
    before = [mask.numpy() for _, mask in held(wrapped)]
    wrapped.compile("adam", "mse")
    callbacks = [sparsity.UpdatePruningStep()]
    wrapped.fit(floats(8, 4), floats(8, 3), epochs=3, verbose=0, callbacks=callbacks)
    assert equal(before, [mask for _, mask in held(wrapped)])


def test_pretrained_weights_are_the_initial_weights():
    model, _ = dense()
    model.set_weights([np.full(w.shape, i) for i, w in enumerate(model.get_weights())])
    start = lth.capture(lth.wrap(model, 0.5))
    assert [float(w.flat[0]) for w in start.weights] == [0, 1, 2, 3]
