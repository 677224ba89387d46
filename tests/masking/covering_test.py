"""coverage: every weight, whether it is pruned, and the reason where it is not."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.compat import keras, sparsity
from lth_keras.errors import LotteryError
from tests.support.masked_models import masked
from tests.support.own_layers import AlsoListed, Bilinear, Computed, MyDense, Scale

layers = keras.layers


def reasons(model: keras.Model) -> dict[str, str]:
    return {f"{row.layer}/{row.weight}": row.reason for row in lth.coverage(model)}


def test_every_weight_has_a_row_with_its_reason():
    inner = keras.Sequential([layers.Dense(4, input_shape=(4,), name="d")], name="in")
    model = keras.Sequential(
        [
            MyDense(4, input_shape=(4,), name="mine"),
            layers.BatchNormalization(name="bn"),
            inner,
            layers.Dense(4, name="frozen", trainable=False),
            layers.Dense(4, name="out_of_it"),
            layers.PReLU(name="prelu"),
            Scale(name="scale"),
            AlsoListed(4, use_bias=False, name="listed"),
            Computed(4, name="computed"),
            Bilinear(name="bilinear"),
            layers.Reshape((3, 1)),
            layers.GRU(2, name="gru"),
        ]
    )
    wrapped = lth.wrap(model, 0.5, exclude="out_of_it")
    bias = "bias or other vector, never pruned"
    norm = "normalisation parameter, never pruned"
    frozen = "frozen (trainable=False)"
    assert reasons(wrapped) == {
        "mine/kernel": "",
        "mine/bias": bias,
        "bn/gamma": norm,
        "bn/beta": norm,
        "bn/moving_mean": norm,
        "bn/moving_variance": norm,
        "in/d/kernel": "",
        "in/d/bias": bias,
        "frozen/kernel": frozen,
        "frozen/bias": bias,
        "out_of_it/kernel": "left out (not wrapped, excluded, or no rate)",
        "out_of_it/bias": bias,
        "prelu/alpha": "Keras layer class that is not pruned (PReLU)",
        "scale/factor": "unknown layer class; give it get_prunable_weights",
        "listed/kernel": "kept in a list or dict; make it an attribute of its layer",
        "computed/basis": "no kernel that is known; name it in get_prunable_weights",
        "bilinear/left": "",
        "bilinear/right": "",
        "bilinear/offset": bias,
        "gru/kernel": "",
        "gru/recurrent_kernel": "",
        "gru/bias": bias,
    }


def test_embeddings_say_how_to_include_them():
    model = keras.Sequential(
        [layers.Embedding(5, 3, input_length=2, name="e"), layers.Dense(2)]
    )
    reason = "embedding (wrap with embeddings=True)"
    assert reasons(lth.wrap(model, 0.5))["e/embeddings"] == reason
    assert reasons(model)["e/embeddings"] == reason
    assert reasons(lth.wrap(model, 0.5, embeddings=True))["e/embeddings"] == ""


def test_layers_inside_a_frozen_model_are_frozen():
    trunk = keras.Sequential([layers.Dense(3, input_shape=(4,), name="d")], name="in")
    trunk.trainable = False
    trunk.layers[0].trainable = True
    model = keras.Sequential([keras.Input((4,)), trunk, layers.Dense(2)])
    found = reasons(lth.wrap(model, 0.5))
    assert found["in/d/kernel"] == "frozen (trainable=False)"


def test_state_that_never_trains_says_so():
    normalise = layers.Normalization(name="n")
    model = keras.Sequential([keras.Input((4,)), normalise, layers.Dense(2)])
    assert reasons(lth.wrap(model, 0.5))["n/mean"] == "not trainable"


def test_densities_are_those_of_the_masks():
    model = masked(lth.wrap(keras.Sequential([layers.Dense(4, input_shape=(4,))]), 0.5))
    table = lth.coverage(model)
    kernel, bias = table
    kept = int(model.layers[0].read_masks()[0].sum())
    assert kernel.pruned and kernel.shape == (4, 4) and kernel.density == kept / 16
    assert not bias.pruned and bias.density == 1.0
    assert table.density == kept / 16


def test_a_model_wrapped_by_stock_tfmot_is_covered_too():
    model = sparsity.prune_low_magnitude(
        keras.Sequential([layers.Dense(4, input_shape=(4,))])
    )
    assert [row.pruned for row in lth.coverage(model)] == [True, False]


def test_an_unwrapped_model_has_nothing_pruned():
    table = lth.coverage(keras.Sequential([layers.Dense(2, input_shape=(3,))]))
    assert table[0].reason == "left out (not wrapped, excluded, or no rate)"
    assert table.density == 1.0


def test_a_shared_layer_is_listed_once():
    inputs = keras.Input((3,))
    layer = layers.Dense(3)
    model = keras.Model(inputs, layer(layer(inputs)))
    assert len(lth.coverage(model)) == 2


def test_it_prints_a_table_unless_told_not_to(capsys):
    inner = [layers.Dense(2, input_shape=(3,), name="fc"), layers.BatchNormalization()]
    model = lth.wrap(keras.Sequential(inner), 0.5)
    table = lth.coverage(model)
    printed = capsys.readouterr().out
    assert printed == f"{table}\n"
    lth.coverage(model, print_fn=None)
    assert capsys.readouterr().out == ""
    lines = printed.splitlines()
    assert lines[0].split() == ["layer", "weight", "shape", "density", "pruned"]
    assert lines[1].split() == ["fc", "kernel", "3", "x", "2", "1.0000", "yes"]
    assert lines[2].endswith("no: bias or other vector, never pruned")
    assert lines[-1] == "density of the prunable weights: 1.0000"


def test_a_model_without_weights_prints_an_empty_table():
    table = lth.coverage(keras.Sequential([layers.Dense(2)]))
    assert list(table) == [] and "1.0000" in str(table)


def test_anything_but_a_model_is_refused():
    with pytest.raises(
        LotteryError, match="expected a tf_keras model, got builtins.int"
    ):
        lth.coverage(3)
