"""Models inside a model shrink with it, or are left as they are."""

import numpy as np

from lth_keras.compat import keras
from tests.support.compact_checks import assign, check, randomise, sizes_of

layers = keras.layers


def test_models_inside_a_model_shrink_with_it():
    inputs = keras.Input((3,))
    inner = keras.Sequential(
        [
            layers.Dense(4, "relu", name="a", input_shape=(3,)),
            layers.Dense(3, name="head"),
        ],
        name="inner",
    )
    model = keras.Model(inputs, layers.Dense(2, name="head")(inner(inputs)))
    # Unit 1 of `a` leads nowhere; nor does unit 2 of the inner head.
    assign(inner, "a", np.ones((3, 4)), [1, 2, 3, 4])
    assign(inner, "head", [[1, 2, 3], [0, 0, 5], [6, 7, 8], [1, 1, 1]], [1, 1, 1])
    assign(model, "head", [[1, 2], [3, 4], [0, 0]], [1, 1])
    done = check(model)
    assert sizes_of(done) == {"a": (3, 3), "inner_head": (3, 2), "head": (2, 2)}


def test_an_inner_model_that_ends_the_model_keeps_its_name_and_stays_frozen():
    inputs = keras.Input((4,))
    hidden = layers.Dense(5, name="hidden")(inputs)
    inner_inputs = keras.Input((5,))
    deepest = keras.Sequential([layers.Dense(3, input_shape=(5,))], name="deepest")
    outputs = [deepest(inner_inputs), layers.Dense(2)(inner_inputs)]
    inner = keras.Model(inner_inputs, outputs, name="inner")
    model = keras.Model(inputs, [*inner(hidden), hidden])
    deepest.trainable = False
    small = check(randomise(model, 0.4)).model
    assert small.output_names == model.output_names == ["inner", "inner_1", "hidden"]
    assert len(small.trainable_weights) == len(model.trainable_weights) == 4


def test_an_inner_model_that_is_called_twice_is_left_as_it_is():
    a, b = keras.Input((4,)), keras.Input((4,))
    shared = keras.Sequential([layers.Dense(3, name="d", input_shape=(4,))])
    model = keras.Model([a, b], layers.Dense(2, name="head")(shared(a) + shared(b)))
    report = {layer.name: layer for layer in check(randomise(model, 0.3)).layers}
    assert report["d"].why_not_smaller == "it is called 2 times"
