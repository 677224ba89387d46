import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compacting.model import compact, compaction
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.papers import networks
from tests.support import masked_models, model_zoo
from tests.support.compact_checks import (
    assert_equal,
    assign,
    check,
    inputs_of,
    randomise,
    sizes_of,
)

layers = keras.layers

_FAST = [("lenet", 0.5), ("lenet", 0.01), ("conv2", 0.02)]
_SLOW = [
    (name, density)
    for name in ("lenet", "conv2", "conv4", "conv6", "resnet18", "vgg16", "vgg19")
    for density in (0.2, 0.03, 0.004, 0.0005)
    if (name, density) not in _FAST
]


def test_a_small_network_shrinks_as_worked_out_by_hand():
    model = keras.Sequential(
        [
            layers.Dense(4, "relu", name="a", input_shape=(3,)),
            layers.Dense(2, name="b"),
        ]
    )
    # Input 1 is not used; unit 1 is fed by nothing, relu(2) = 2; nothing uses unit 2;
    # unit 3 is fed by nothing and 0 after the relu.
    assign(model, "a", [[1, 0, 5, 0], [0, 0, 6, 0], [3, 0, 7, 0]], [0.5, 2, 3, -4])
    assign(model, "b", [[1, 2], [10, 20], [0, 0], [8, 9]], [0.25, 0.75])
    done = check(model)
    assert sizes_of(done) == {"a": (2, 1), "b": (1, 2)}
    a, b = done.model.get_layer("a"), done.model.get_layer("b")
    np.testing.assert_array_equal(a.get_weights()[0], [[1], [3]])
    np.testing.assert_array_equal(a.get_weights()[1], [0.5])
    np.testing.assert_array_equal(b.get_weights()[0], [[1, 2]])
    np.testing.assert_array_equal(b.get_weights()[1], [20.25, 40.75])
    assert done.multiply_adds == (3 * 4 + 4 * 2, 2 * 1 + 1 * 2)
    assert done.parameters == (16 + 10, 3 + 4)


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


@pytest.mark.parametrize(("name", "density"), _FAST)
def test_the_papers_networks_stay_equal(name, density):
    _check_network(name, density)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "density"), _SLOW)
def test_the_papers_networks_stay_equal_at_every_density(name, density):
    _check_network(name, density)


def _check_network(name: str, density: float) -> None:
    model = randomise(networks.build(name, (16, 16, 3), 10), density)
    done = check(model, fixed_point=density > 0.001)
    if density < 0.1:
        assert done.parameters[1] < done.parameters[0]


@pytest.mark.parametrize("activation", ["relu", "sigmoid", None])
@pytest.mark.parametrize(
    "padding", ["same", pytest.param("valid", marks=pytest.mark.slow)]
)
def test_constants_are_folded_exactly_through_either_padding(activation, padding):
    model = keras.Sequential(
        [
            layers.Conv2D(6, 3, padding=padding, name="a", input_shape=(9, 9, 2)),
            layers.BatchNormalization(name="norm"),
            layers.Activation(activation or "linear"),
            layers.Conv2D(5, 3, strides=2, padding=padding, name="b"),
            layers.AveragePooling2D(2, padding=padding),
            layers.Conv2D(4, 1, padding=padding, use_bias=False, name="c"),
            layers.Flatten(),
            layers.Dense(3, activation, name="d"),
        ]
    )
    randomise(model, 0.5)
    kernel, bias = model.get_layer("a").get_weights()
    kernel[..., [0, 2, 3]] = 0
    assign(model, "a", kernel, bias)
    done = check(model)
    # Before a padded kernel, one of the three constants stands for all.
    assert sizes_of(done)["b"][0] == (4 if padding == "same" else 3)


def test_a_zero_constant_needs_no_channel_before_a_padded_kernel():
    model = keras.Sequential(
        [
            layers.Conv2D(3, 3, activation="relu", name="a", input_shape=(5, 5, 1)),
            layers.Conv2D(2, 3, padding="same", name="b"),
        ]
    )
    randomise(model, 1.0)
    kernel, _ = model.get_layer("a").get_weights()
    kernel[..., 1] = 0
    assign(model, "a", kernel, [0.5, -1, 0.5])
    assert sizes_of(check(model)) == {"a": (1, 2), "b": (2, 2)}


def test_a_residual_sum_keeps_what_either_side_needs():
    inputs = keras.Input((8, 8, 3))
    trunk = layers.Conv2D(6, 3, padding="same", name="trunk")(inputs)
    hidden = layers.ReLU()(layers.BatchNormalization()(trunk))
    branch = layers.Conv2D(6, 3, padding="same", name="branch")(hidden)
    total = layers.Add(name="sum")([trunk, branch])
    head = layers.Conv2D(4, 3, name="head")(layers.ReLU()(total))
    model = keras.Model(
        inputs, layers.Dense(2)(layers.GlobalMaxPooling2D()(head)), name="residual"
    )
    randomise(model, 1.0)
    kernel, bias = model.get_layer("head").get_weights()
    kernel[:, :, [1, 4]] = 0
    assign(model, "head", kernel, bias)
    kernel, bias = model.get_layer("branch").get_weights()
    kernel[:, :, 4] = 0
    kernel[..., 0] = 0
    assign(model, "branch", kernel, bias)
    done = check(model)
    # Channel 4 is used by neither; channel 1 by the branch alone; channel 0 of the
    # branch is constant, but has a place in the sum.
    sizes = sizes_of(done)
    assert (sizes["trunk"], sizes["branch"], sizes["head"]) == ((3, 5), (5, 4), (4, 4))
    why = {layer.name: layer.why_not_smaller for layer in done.layers}
    assert "sum joins it to others" in why["branch"]


@pytest.mark.parametrize("offset", [0.0, 1.5])
def test_a_constant_branch_of_a_sum_becomes_an_offset(offset):
    inputs = keras.Input((6,))
    trunk = layers.Dense(4, name="trunk")(inputs)
    branch = layers.Dense(4, name="dead")(layers.Dense(5, name="lost")(trunk))
    outputs = layers.Dense(2, name="head")(layers.Add()([trunk, branch]))
    model = randomise(keras.Model(inputs, outputs), 1.0)
    assign(model, "dead", np.zeros((5, 4)), [offset] * 4)
    done = check(model)
    assert sizes_of(done)["dead"] == sizes_of(done)["lost"] == (0, 0)


def test_concatenated_parts_shrink_by_themselves():
    a, b = keras.Input((5,), name="a"), keras.Input((4,), name="b")
    parts = [
        layers.Dense(3, "relu", name="x")(a),
        layers.Dense(4, "tanh", name="y")(b),
        layers.Dense(2, name="gone")(a),
    ]
    joined = layers.Concatenate()(parts)
    model = keras.Model([a, b], layers.Dense(2, name="head")(joined))
    randomise(model, 1.0)
    kernel, bias = model.get_layer("head").get_weights()
    kernel[[1, 3, 7, 8]] = 0
    assign(model, "head", kernel, bias)
    sizes = sizes_of(check(model))
    assert sizes == {"x": (5, 2), "y": (4, 3), "gone": (0, 0), "head": (5, 2)}


@pytest.mark.slow
def test_layers_of_every_known_kind_stay_equal():
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(0.5)(inputs)
    x = layers.Conv2D(6, 3, activation="elu", name="conv")(x)
    x = layers.SpatialDropout2D(0.5)(layers.LeakyReLU()(x))
    x = layers.ZeroPadding2D(2)(layers.UpSampling2D()(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depth")(x)
    x = layers.Cropping2D(1)(layers.MaxPooling2D()(x))
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same", name="up")(x)
    x = layers.SeparableConv2D(5, 2, name="separable")(x)
    y = layers.Conv2D(5, 1, name="one")(x)
    x = layers.Concatenate(axis=1)(
        [layers.Multiply()([x, y]), layers.Average()([x, y])]
    )
    x = layers.Reshape((-1, 5))(x)
    x = layers.Conv1D(4, 3, padding="causal", name="causal")(x)
    x = layers.Reshape((-1,))(layers.AveragePooling1D(4)(x))
    x = layers.Dense(6, "softmax", name="mixed")(layers.Dropout(0.5)(x))
    model = keras.Model(inputs, layers.Dense(2, name="head")(x))
    for seed in range(4):
        check(randomise(model, 0.15, seed))


def test_dead_layers_leave_one_unit_that_carries_the_size_of_the_batch():
    model = networks.build("conv2", (8, 8, 3), 10)
    randomise(model, 1.0)
    kernel, bias = model.get_layer("conv2").get_weights()
    assign(model, "conv2", np.zeros_like(kernel), bias)
    done = check(model)
    assert sizes_of(done)["conv1"] == (3, 1) and sizes_of(done)["output"] == (1, 10)


def test_a_wrapped_model_and_one_of_a_mask_alone_can_be_given():
    model = lth.wrap(randomise(networks.build("lenet", (6, 6, 1), 3), 1.0))
    masked_models.masked(model, 0.01)
    small = compact(model)
    assert_equal(model, small)
    assert small.count_params() < lth.unwrap(model).count_params()


def test_the_ends_of_the_model_keep_their_names_and_structure():
    model, given = model_zoo.named_outputs()
    randomise(model, 0.3)
    small = check(model, given).model
    assert small.output_names == model.output_names
    assert small.input_names == model.input_names
    assert small.name == model.name
    assert set(small(given)) == {"y", "z"}


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


@pytest.mark.parametrize("join", [layers.Add(), layers.Concatenate()])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_a_mask_of_time_steps_stays_though_its_branch_is_dead(join, offset):
    inputs = keras.Input((6, 4))
    masked = layers.Masking()(inputs)
    live = masked if isinstance(join, layers.Add) else inputs
    join = type(join)()
    joined = join([layers.Dense(8, name="dead")(masked), layers.Dense(8)(live)])
    model = keras.Model(inputs, layers.GRU(5)(layers.Dense(6)(joined)))
    assign(model, "dead", np.zeros((4, 8)), np.full(8, offset))
    given = inputs_of(model)
    given[0][0, 3:] = 0
    done = check(model, given)
    why = {layer.name: layer.why_not_smaller for layer in done.layers}
    assert f"{join.name} is left as it is" in why["dead"]


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


_FAST_FAMILIES = ("shared_across_models",)
_FAMILIES = [
    pytest.param(
        builder,
        id=builder.__name__,
        marks=[] if builder.__name__ in _FAST_FAMILIES else [pytest.mark.slow],
    )
    for builder in model_zoo.FAMILIES
    # Strings and half precision compare in other ways; named outputs: see above.
    if builder.__name__ not in ("text", "half_precision", "named_outputs")
]


@pytest.mark.parametrize("builder", _FAMILIES)
def test_other_families_of_models_stay_equal(builder):
    model, given = builder()
    wrapped = lth.wrap(model, embeddings=True)
    plain = lth.unwrap(masked_models.masked(wrapped, 0.3))
    check(plain, given)


def test_half_precision_is_kept():
    model, given = model_zoo.half_precision()
    plain = lth.unwrap(masked_models.masked(lth.wrap(model), 0.4))
    small = compact(plain)
    for a, b in zip(plain(given), small(given), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-2)


@pytest.mark.slow
def test_the_smaller_model_trains():
    model = randomise(networks.build("conv2", (8, 8, 3), 4), 0.05)
    small = compact(model)
    small.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    small.fit(inputs_of(model, 4)[0], np.arange(4), verbose=0)
    assert all(np.isfinite(weight).all() for weight in small.get_weights())


def test_a_model_of_a_strategy_can_be_given():
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        model = randomise(networks.build("lenet", (4, 4, 1), 3), 0.05)
    assert_equal(model, compact(model))


class _Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: _Subclassed(), "is a subclassed model"),
        (lambda: keras.Sequential([layers.Dense(2)]), "is not built"),
        (lambda: "model", "expected a tf_keras model"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_in_one_line(model, message):
    with pytest.raises(LotteryError, match=message) as caught:
        compact(model())
    assert "\n" not in str(caught.value)
