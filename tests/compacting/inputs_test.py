import itertools

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compacting.inputs import box
from lth_keras.compacting.model import compact, compaction
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.papers import networks
from tests.support.compact_checks import assert_equal, assign, inputs_of, randomise

layers = keras.layers

# Used pixels of a 12x12 image: a box without one of its pixels, and one outside it.
_USED = np.zeros((12, 12), bool)
_USED[3:9, 2:10] = True
_USED[5, 5] = False
_USED[0, 7] = True
_BOX = [12 * row + column for row in range(3, 9) for column in range(2, 10)]


def _network(used: np.ndarray = _USED, units: int = 100) -> keras.Model:
    """Flatten and dense layers that use those pixels alone."""
    stack = [layers.Flatten(), layers.Dense(units, "relu", name="a"), layers.Dense(3)]
    model = randomise(keras.Sequential([layers.Input((12, 12, 1)), *stack]), 1.0)
    kernel, bias = model.get_layer("a").get_weights()
    assign(model, "a", np.where(used.reshape(-1, 1), kernel, 0), bias)
    return model


def _picks(model: keras.Model) -> int:
    """How many numbers of an example the model picks one by one."""
    gathers = [layer for layer in model.layers if "gather" in layer.name]
    return sum(int(layer.output.shape[-1]) for layer in gathers)


def test_used_pixels_are_cropped_out_and_those_outside_set_behind_them():
    model = _network()
    done = compaction(model)
    (first, _) = done.layers
    # The unused pixel inside stays: picking the 48 others would take longer.
    assert first.inputs == (144, 49) and first.units == (100, 100)
    assert first.why_not_smaller == "unused inputs that stay: 1"
    assert done.multiply_adds == (144 * 100 + 300, 49 * 100 + 300)
    assert _picks(done.model) == 1
    before, after = (m.get_layer("a").get_weights() for m in (model, done.model))
    np.testing.assert_array_equal(after[0], before[0][[*_BOX, 7]])
    np.testing.assert_array_equal(after[1], before[1])
    images = inputs_of(model, 5)[0]
    kernel, bias = model.layers[-1].get_weights()
    hidden = np.maximum(images.reshape(5, -1) @ before[0] + before[1], 0)
    np.testing.assert_allclose(
        done.model(images), hidden @ kernel + bias, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("gather", "inputs", "picks"), [("crop", 49, 1), (True, 48, 48), (False, 144, 0)]
)
def test_all_unused_inputs_are_taken_out_or_none_where_asked(gather, inputs, picks):
    model = _network()
    small = compact(model, gather=gather)
    assert_equal(model, small)
    assert small.get_layer("a").kernel.shape == (inputs, 100)
    assert _picks(small) == picks


def test_nothing_is_picked_where_a_crop_is_enough():
    used = np.zeros((12, 12), bool)
    used[:, 4:] = True
    model = _network(used)
    small = compact(model)
    assert_equal(model, small)
    assert small.get_layer("a").kernel.shape[0] == 96
    assert _picks(small) == 0


def test_scattered_inputs_of_a_wide_layer_are_all_picked():
    used = np.zeros((12, 12), bool)
    used[::4, ::4] = True
    model = _network(used, units=2000)
    small = compact(model)
    assert_equal(model, small)
    assert small.get_layer("a").kernel.shape[0] == _picks(small) == 9


def test_an_input_is_left_as_it_is_where_taking_out_would_take_longer():
    used = np.ones((12, 12), bool)
    used[3:5, 6] = False
    model = _network(used)
    small = compact(model)
    assert_equal(model, small)
    assert [type(layer) for layer in small.layers[1:]] == [
        layers.Flatten,
        layers.Dense,
        layers.Dense,
    ]


@pytest.mark.parametrize("place", ["model", "dropout", "reshape"])
def test_vectors_lose_their_ends(place):
    inputs = keras.Input((20, 10) if place == "reshape" else (200,))
    before = {"dropout": layers.Dropout(0.5), "reshape": layers.Reshape((200,))}
    x = before[place](inputs) if place in before else inputs
    model = keras.Model(inputs, layers.Dense(64, name="a")(x))
    randomise(model, 1.0)
    kernel, bias = model.get_layer("a").get_weights()
    kernel[:30] = kernel[170:] = 0
    assign(model, "a", kernel, bias)
    small = compact(model)
    assert_equal(model, small)
    assert small.get_layer("a").kernel.shape[0] == 140
    assert _picks(small) == 0


@pytest.mark.slow
def test_channels_that_went_before_the_image_was_flattened_are_counted_out():
    model = randomise(networks.build("conv2", (12, 12, 3), 4), 1.0)
    last = model.get_layer("conv2").get_weights()
    last[0][..., ::2], last[1][::2] = 0, 0
    assign(model, "conv2", *last)
    kernel, bias = model.get_layer("dense1").get_weights()
    places = kernel.reshape(6, 6, -1, kernel.shape[-1]).copy()
    places[0] = places[:, 5] = 0
    assign(model, "dense1", places.reshape(kernel.shape), bias)
    small = compact(model)
    assert_equal(model, small)
    units = last[0].shape[-1] // 2
    assert small.get_layer("conv2").filters == units
    assert small.get_layer("dense1").kernel.shape[0] == 5 * 5 * units
    assert _picks(small) == 0


def test_an_image_with_channels_first_is_taken_as_flatten_orders_it():
    flatten = layers.Flatten(data_format="channels_first")
    model = keras.Sequential(
        [layers.Input((5, 6, 7)), flatten, layers.Dense(64, name="a")]
    )
    randomise(model, 1.0)
    kernel, bias = model.get_layer("a").get_weights()
    kernel[:40] = 0
    assign(model, "a", kernel, bias)
    small = compact(model)
    assert_equal(model, small)
    assert small.get_layer("a").kernel.shape[0] == 170


def test_half_precision_is_cropped():
    inputs = keras.Input((12, 12, 1), dtype="float16")
    hidden = layers.Dense(100, name="a", dtype="mixed_float16")(
        layers.Flatten(dtype="mixed_float16")(inputs)
    )
    model = keras.Model(inputs, hidden)
    assign(model, "a", *_network().get_layer("a").get_weights())
    images = inputs_of(model)[0].astype("float16")
    small = compact(model)
    assert small.get_layer("a").kernel.shape[0] == 49
    assert small(images).dtype == tf.float16
    np.testing.assert_allclose(small(images), model(images), rtol=1e-2, atol=1e-1)


def test_no_other_interval_along_an_axis_makes_the_box_better():
    rng = np.random.default_rng(3)
    for shape in [(9,), (6, 7), (4, 5, 3)] * 20:
        gain = rng.integers(-9, 8, shape)
        found = box(gain)
        total = gain[found].sum()
        for axis, size in enumerate(shape):
            for start, stop in itertools.combinations(range(size + 1), 2):
                other = list(found)
                other[axis] = slice(start, stop)
                assert gain[tuple(other)].sum() <= total
        if len(shape) == 1:
            assert total == max(
                gain[a:b].sum() for a in range(10) for b in range(a, 10)
            )


def test_the_box_of_nothing_is_empty():
    assert np.zeros((4, 5))[box(np.full((4, 5), -1))].size == 0


@pytest.mark.parametrize("gather", ["all", None, 2])
def test_another_gather_is_refused(gather):
    with pytest.raises(LotteryError, match='use "crop", True or False') as caught:
        compact(_network(), gather=gather)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("gather", ["crop", True])
def test_the_smaller_model_is_saved_and_loaded_by_plain_keras(
    gather, tmp_path, in_own_process
):
    model = _network()
    small = compact(model, gather=gather)
    assert _picks(small)
    small.save(tmp_path / "small.keras")
    given = inputs_of(model)[0]
    np.savez(tmp_path / "data.npz", given=given, expected=model(given))
    in_own_process(
        """
        import numpy as np, tf_keras
        model = tf_keras.models.load_model("small.keras")
        with np.load("data.npz") as data:
            found = model.predict(data["given"], verbose=0)
            np.testing.assert_allclose(found, data["expected"], rtol=1e-4, atol=1e-4)
        """
    )


@pytest.mark.slow
def test_a_crop_is_served_in_every_format(tmp_path):
    small = compact(_network())
    lth.export_saved_model(small, tmp_path / "saved")
    lth.export_keras(small, tmp_path / "small.keras")
    lth.export_tflite(small, tmp_path / "small.tflite")
    assert {path.name for path in tmp_path.iterdir()} == {
        "saved",
        "small.keras",
        "small.tflite",
    }
