"""What a copy cannot keep is refused, in one line that names it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras, sparsity
from lth_keras.errors import LotteryError
from tests.support.model_zoo import dense, floats

layers = keras.layers


def refusal(model: object) -> str:
    with pytest.raises(LotteryError) as caught:
        lth.wrap(model, 0.5)
    message = str(caught.value)
    assert "\n" not in message
    return message


def around(layer: keras.layers.Layer, shape: tuple[int, ...] = (4,)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), layer, layers.Dense(2, name="last")])


def test_a_keras_3_model_is_refused_with_the_way_out():
    class Model:
        __module__ = "keras.src.models.model"

    message = refusal(Model())
    assert "is a Keras 3 model, which tfmot cannot prune: lth.from_keras3" in message


def test_anything_else_is_refused_too():
    assert refusal("model") == (
        "expected a tf_keras model, got builtins.str: pass a tf_keras.Model."
    )


def test_a_model_wrapped_already_is_refused_whoever_wrapped_it():
    model, _ = dense()
    nested = keras.Sequential([keras.Input((4,)), lth.wrap(model, 0.5)])
    stock = sparsity.prune_low_magnitude(dense()[0])
    for each in (lth.wrap(model, 0.5), nested, stock):
        assert "is wrapped already: wrap the original model, or" in refusal(each)


def test_a_subclassed_model_is_refused():
    class Mine(keras.Model):
        def call(self, inputs):
            return inputs

    assert "Mine is a subclassed model" in refusal(Mine())


def test_a_functional_subclass_is_refused():
    class Trainer(keras.Model):
        def train_step(self, data):
            return {}

    inputs = keras.Input((4,))
    model = Trainer(inputs, layers.Dense(2)(inputs))
    assert "Trainer is a model class of its own, which a copy would" in refusal(model)


def test_a_nested_functional_class_with_its_own_constructor_is_refused():
    class Block(keras.Model):
        def __init__(self, units):
            inputs = keras.Input((4,))
            super().__init__(inputs, layers.Dense(units)(inputs), name="block")

    message = refusal(around(Block(3)))
    assert message.startswith("model 'block' is of a class of its own (")


def test_a_layer_without_get_config_is_refused():
    class Opaque(layers.Layer):
        def __init__(self, setting):
            super().__init__(name="opaque")

        def call(self, inputs):
            return inputs

    message = refusal(around(Opaque(object())))
    assert message.startswith("layer 'opaque' (Opaque) cannot be copied: give it a")


class HandsOn(layers.Layer):
    """Its configuration holds the inner layer itself."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)

    def get_config(self):
        return {**super().get_config(), "inner": self.inner}


def test_a_layer_that_hands_its_inner_layer_on_is_refused():
    message = refusal(around(HandsOn(layers.Dense(3), name="outer")))
    assert "would share its weights with your model" in message


class Forgets(layers.Layer):
    """Its configuration lacks what decides how many weights it has."""

    def __init__(self, count=1, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, shape):
        self.vectors = [self.add_weight(f"v{i}", (4,)) for i in range(self.count)]

    def call(self, inputs):
        return inputs + sum(self.vectors)

    def get_config(self):
        return {"name": self.name}


def test_a_layer_whose_configuration_makes_other_weights_is_refused():
    message = refusal(around(Forgets(2, name="forgets")))
    assert message.startswith(
        "layer 'forgets' (Forgets) cannot be copied: it has 2 weights, a layer of its "
        "configuration 1."
    )


def test_a_cell_that_stands_in_a_layer_twice_is_refused():
    cell = layers.GRUCell(4)
    model = around(layers.RNN(layers.StackedRNNCells([cell, cell])), (3, 4))
    assert "no layer may stand in it twice" in refusal(model)


def test_a_layer_used_both_alone_and_inside_another_is_refused():
    inputs = keras.Input((5, 4))
    shared = layers.Dense(4, name="shared")
    hidden = shared(layers.TimeDistributed(shared, name="each")(inputs))
    message = refusal(keras.Model(inputs, hidden))
    assert message.startswith(
        "layers 'each' (TimeDistributed), 'shared' (Dense) share weights, which"
    )


def test_a_tf_op_on_a_weight_is_refused():
    ids = keras.Input((3,), dtype="int32")
    table = layers.Embedding(9, 4, name="table")
    hidden = layers.Dense(4)(table(ids))
    tied = keras.Model(ids, tf.matmul(hidden, table.embeddings, transpose_b=True))
    assert "hands the variable 'table/embeddings:0' to a layer or TF op" in refusal(
        tied
    )


def test_a_lambda_that_reads_a_weight_from_outside_is_refused():
    table = layers.Dense(4, name="table")
    table.build((None, 4))
    tied = layers.Lambda(lambda x: tf.matmul(x, table.kernel), name="tied")
    assert "layer 'tied' (Lambda) reads 'table' from outside" in refusal(around(tied))


def test_a_lambda_over_plain_values_is_copied():
    factor = 3.0
    model = around(layers.Lambda(lambda x: x * factor))
    wrapped = lth.wrap(model, 0.5)
    np.testing.assert_array_equal(model(floats(2, 4)), wrapped(floats(2, 4)))


def test_a_model_with_nothing_to_prune_is_refused():
    model = keras.Sequential([layers.ReLU(input_shape=(3,))])
    assert refusal(model).startswith("the model has no layer that can be pruned: lth")
    frozen = dense()[0]
    frozen.trainable = False
    assert "has no layer that can be pruned" in refusal(frozen)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scope": "net"}, "scope='net' is not known: use 'layer' or 'global'."),
        ({"criterion": "size"}, "criterion='size' is not known: use one of grasp, "),
    ],
)
def test_unknown_names_are_refused(arguments, message):
    with pytest.raises(LotteryError, match=message):
        lth.wrap(dense()[0], 0.5, **arguments)


@pytest.mark.slow
def test_a_plain_model_saved_after_unwrapping_loads_without_this_package(tmp_path):
    model = lth.wrap(dense()[0], 0.5)
    lth.prune(model)
    plain = lth.unwrap(model)
    plain.save(tmp_path / "plain.keras")
    plain.save(tmp_path / "plain.h5")
    plain.save(tmp_path / "plain")
    np.save(tmp_path / "outputs.npy", plain(floats(4, 4)))
    np.save(tmp_path / "inputs.npy", floats(4, 4))
    code = """
import sys
import numpy as np, tf_keras
inputs, outputs = np.load("inputs.npy"), np.load("outputs.npy")
for name in ("plain.keras", "plain.h5", "plain"):
    model = tf_keras.models.load_model(name)
    assert np.array_equal(model(inputs), outputs), name
    assert (model.get_weights()[0] == 0).sum() == 10
    model.compile("sgd", "mse")
    model.fit(inputs, outputs, verbose=0)
assert not {"lth_keras", "tensorflow_model_optimization"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


class Derived(layers.Layer):
    """Has no get_config: Keras derives one, without the name."""

    def __init__(self, **kw):
        super().__init__(**kw)
        self.inner = layers.BatchNormalization()

    def call(self, inputs):
        return self.inner(2 * inputs)


class Silent(layers.Layer):
    """Its constructor takes no name, and its configuration has none."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def get_config(self):
        return {"factor": self.factor}

    def call(self, inputs):
        return self.factor * inputs


def test_a_layer_whose_configuration_has_no_name_keeps_it():
    model = keras.Sequential(
        [
            layers.Dense(8, input_shape=(6,)),
            Derived(name="mine"),
            Silent(2.0),
            Derived(name="frozen", trainable=False, dtype="float64"),
            layers.Dense(3),
        ]
    )
    wrapped = lth.wrap(model)
    names = [[layer.name for layer in m.layers] for m in (model, wrapped)]
    assert names[0] == names[1]
    assert [layer.name for layer in lth.unwrap(wrapped).layers] == names[0]
    assert not wrapped.get_layer("frozen").trainable
    assert wrapped.get_layer("frozen").dtype == "float64"
    x = floats(4, 6)
    np.testing.assert_array_equal(model(x), wrapped(x))
