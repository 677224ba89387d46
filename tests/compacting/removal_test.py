"""What goes, and what stays because something else needs it."""

import numpy as np
import tensorflow as tf

from lth_keras.compacting.model import compaction
from lth_keras.compat import keras
from lth_keras.papers import networks
from tests.support.compact_checks import assign, check, randomise, sizes_of

layers = keras.layers


def test_removal_goes_on_until_nothing_is_left_to_remove():
    model = keras.Sequential(
        [layers.Dense(2, "tanh", name="d0", input_shape=(2,))]
        + [layers.Dense(2, "tanh", name=f"d{i}") for i in range(1, 4)]
    )
    for i in range(3):
        assign(model, f"d{i}", [[1, 0], [0, 1]], [0.1, 0.2])
    # Unit 1 of d2 leads nowhere, hence unit 1 of d1, of d0, and input 1.
    assign(model, "d3", [[1, 2], [0, 0]], [0.1, 0.2])
    assert sizes_of(check(model)) == {
        "d0": (1, 1),
        "d1": (1, 1),
        "d2": (1, 1),
        "d3": (1, 2),
    }


def test_dead_layers_leave_one_unit_that_carries_the_size_of_the_batch():
    model = networks.build("conv2", (8, 8, 3), 10)
    randomise(model, 1.0)
    kernel, bias = model.get_layer("conv2").get_weights()
    assign(model, "conv2", np.zeros_like(kernel), bias)
    done = check(model)
    assert sizes_of(done)["conv1"] == (3, 1) and sizes_of(done)["output"] == (1, 10)


def test_layers_used_twice_are_left_and_the_report_says_so():
    a, b = keras.Input((3,)), keras.Input((3,))
    shared = layers.Dense(5, "relu", name="shared")
    head = layers.Dense(2, name="head")
    model = keras.Model([a, b], head(layers.Concatenate()([shared(a), shared(b)])))
    randomise(model, 0.2)
    done = check(model)
    report = {layer.name: layer for layer in done.layers}
    assert report["shared"].units == (5, 5)
    assert report["shared"].why_not_smaller == "it is called 2 times"
    assert report["head"].inputs[1] < 10
    assert "it is called 2 times" in str(done)


def test_an_adapted_vocabulary_can_stand_before_what_shrinks():
    lookup = layers.StringLookup()
    lookup.adapt([["a", "b", "c"]])
    inputs = keras.Input((2,), dtype=tf.string)
    table = layers.Embedding(4, 3)(lookup(inputs))
    hidden = layers.Dense(5, "relu", name="hidden")(layers.Flatten()(table))
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    kernel, bias = model.get_layer("hidden").get_weights()
    kernel[:, :3] = 0
    assign(model, "hidden", kernel, bias)
    done = compaction(model)
    words = tf.constant([["a", "c"], ["b", "unseen"]])
    np.testing.assert_allclose(done.model(words), model(words), atol=1e-6)
    assert sizes_of(done)["hidden"] == (6, 2)
