"""compact gives an equal, smaller model of every network and family."""

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compacting.model import compact
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.papers import networks
from tests.support import masked_models, model_zoo
from tests.support.compact_checks import assert_equal, check, inputs_of, randomise

layers = keras.layers

_FAST = [("lenet", 0.5), ("lenet", 0.01)]
_SLOW = [
    (name, density)
    for name in ("lenet", "conv2", "conv4", "conv6", "resnet18", "vgg16", "vgg19")
    for density in (0.2, 0.03, 0.004, 0.0005)
    if (name, density) not in _FAST
] + [("conv2", 0.02)]


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


def test_a_wrapped_model_and_one_of_a_mask_alone_can_be_given():
    model = lth.wrap(randomise(networks.build("lenet", (6, 6, 1), 3), 1.0))
    masked_models.masked(model, 0.01)
    small = compact(model)
    assert_equal(model, small)
    assert small.count_params() < lth.unwrap(model).count_params()


@pytest.mark.slow
def test_the_ends_of_the_model_keep_their_names_and_structure():
    model, given = model_zoo.named_outputs()
    randomise(model, 0.3)
    small = check(model, given).model
    assert small.output_names == model.output_names
    assert small.input_names == model.input_names
    assert small.name == model.name
    assert set(small(given)) == {"y", "z"}


_FAMILIES = [
    pytest.param(builder, id=builder.__name__)
    for builder in model_zoo.FAMILIES
    # Strings and half precision compare in other ways; named outputs: see above.
    if builder.__name__ not in ("text", "half_precision", "named_outputs")
]


@pytest.mark.slow
@pytest.mark.parametrize("builder", _FAMILIES)
def test_other_families_of_models_stay_equal(builder):
    model, given = builder()
    wrapped = lth.wrap(model, embeddings=True)
    plain = lth.unwrap(masked_models.masked(wrapped, 0.3))
    check(plain, given)


@pytest.mark.slow
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
