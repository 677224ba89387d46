"""The masked read: values as they are, gradients times the mask, in every way."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import AutoCastVariable, keras
from lth_keras.masking.variables import MaskedVariable

VALUE = np.float32([[1, -2, 3], [4, 5, -6]])
MASK = np.float32([[1, 0, 1], [0, 1, 1]])


@pytest.fixture
def raw():
    return tf.Variable(VALUE)


@pytest.fixture
def proxy(raw):
    return MaskedVariable(raw, tf.Variable(MASK, trainable=False))


READS = {
    "matmul": lambda w: tf.matmul(tf.constant([[1.0, 2.0]]), w),
    "product": lambda w: w * tf.constant(3.0),
    "sum": lambda w: tf.reduce_sum(w, axis=0),
    "identity": tf.identity,
    "slice": lambda w: w[:, 1:],
    "value": lambda w: w.value() * 2.0,
    "read_value": lambda w: w.read_value() * 2.0,
    "gather": lambda w: tf.gather(w, [1, 1, 0]),
    "gather_axis_1": lambda w: tf.gather(w, [2, 0], axis=1),
    "gather_nd": lambda w: tf.gather_nd(w, [[1, 2], [0, 1]]),
    "embedding_lookup": lambda w: tf.nn.embedding_lookup(w, [[1], [1]]),
    "operators": lambda w: -w + 2.0 * w - w / 2.0 + abs(w) + w**2,
    "matmul_operator": lambda w: tf.constant([[1.0, 2.0]]) @ w,
}


def dense(gradient):
    return np.asarray(tf.convert_to_tensor(gradient))


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("how", ["eager", "function", "jit"])
def test_a_read_keeps_the_value_and_masks_the_gradient(name, how, raw, proxy):
    read = READS[name]
    if (name, how) == ("gather_nd", "jit"):
        how = "function"  # XLA compiles it for no variable, masked or not

    def step(weight):
        with tf.GradientTape() as tape:
            found = read(weight)
            loss = tf.reduce_sum(found * found)
        return found, tape.gradient(loss, raw)

    expected, gradient = step(raw)
    if how != "eager":
        function = tf.function(step, jit_compile=how == "jit")
        masked = function(proxy)
    else:
        masked = step(proxy)
    np.testing.assert_array_equal(masked[0], expected)
    np.testing.assert_array_equal(dense(masked[1]), dense(gradient) * MASK)


def test_the_gradient_of_a_lookup_stays_sparse(raw, proxy):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.embedding_lookup(proxy, [1, 1]))
    gradient = tape.gradient(loss, raw)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(gradient.indices, [1, 1])
    np.testing.assert_array_equal(gradient.values, [MASK[1], MASK[1]])


def test_rows_of_a_sparse_upstream_gradient_are_masked(raw, proxy):
    # Gathered from the read value: the upstream gradient arrives as IndexedSlices.
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(tf.convert_to_tensor(proxy), [1, 0, 1]))
    counted = np.float32([[1], [2]]) * MASK
    np.testing.assert_array_equal(dense(tape.gradient(loss, raw)), counted)


def test_a_persistent_tape_masks_each_of_its_gradients(raw, proxy):
    with tf.GradientTape(persistent=True) as tape:
        first, second = tf.reduce_sum(proxy * 2.0), tf.reduce_sum(proxy * proxy)
    np.testing.assert_array_equal(tape.gradient(first, raw), 2 * MASK)
    np.testing.assert_array_equal(tape.gradient(second, raw), 2 * VALUE * MASK)


def test_second_order_gradients_are_masked(raw, proxy):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum(proxy**3)
        first = inner.gradient(loss, raw)
        total = tf.reduce_sum(first)
    np.testing.assert_array_equal(first, 3 * VALUE**2 * MASK)
    np.testing.assert_array_equal(outer.gradient(total, raw), 6 * VALUE * MASK)


def test_a_jacobian_is_masked(raw, proxy):
    with tf.GradientTape() as tape:
        found = tf.reduce_sum(proxy * proxy, axis=0)
    jacobian = tape.jacobian(found, raw)
    expected = np.zeros((3, 2, 3), "float32")
    for column in range(3):
        expected[column, :, column] = (2 * VALUE * MASK)[:, column]
    np.testing.assert_array_equal(jacobian, expected)


@pytest.mark.parametrize("jit", [False, True])
def test_a_read_inside_a_while_loop_masks_the_gradient(jit, raw, proxy):
    @tf.function(jit_compile=jit)
    def step():
        with tf.GradientTape() as tape:
            state = tf.ones((1, 3))
            for _ in tf.range(3):
                state = tf.matmul(state, proxy, transpose_b=True) @ proxy
            loss = tf.reduce_sum(state)
        return tape.gradient(loss, raw)

    with tf.GradientTape() as tape:
        state = tf.ones((1, 3))
        for _ in range(3):
            state = tf.matmul(state, raw, transpose_b=True) @ raw
        loss = tf.reduce_sum(state)
    expected = tape.gradient(loss, raw).numpy() * MASK
    np.testing.assert_allclose(step(), expected, rtol=1e-6)


def test_the_gradient_asked_for_by_the_proxy_is_the_same(raw, proxy):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(proxy * 2.0)
    np.testing.assert_array_equal(tape.gradient(loss, proxy), 2 * MASK)


def test_a_changed_mask_counts_in_a_function_already_traced(raw):
    mask = tf.Variable(MASK)
    proxy = MaskedVariable(raw, mask)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(proxy * 1.0)
        return tape.gradient(loss, raw)

    np.testing.assert_array_equal(gradient(), MASK)
    mask.assign(1 - MASK)
    np.testing.assert_array_equal(gradient(), 1 - MASK)
    assert gradient.experimental_get_tracing_count() == 1


def test_a_function_given_the_weight_is_traced_once(proxy):
    @tf.function
    def double(weight):
        return weight * 2.0

    for _ in range(3):
        np.testing.assert_array_equal(double(proxy), 2 * VALUE)
    assert double.experimental_get_tracing_count() == 1


def test_an_autocast_weight_is_read_in_half_precision(raw):
    keras.mixed_precision.set_global_policy("mixed_float16")
    proxy = MaskedVariable(AutoCastVariable(raw), tf.Variable(MASK))

    class Read(keras.layers.Layer):
        def call(self, inputs):
            assert proxy.dtype == tf.float16 and proxy.true_dtype == tf.float32
            assert proxy.read_value().dtype == tf.float16
            return tf.matmul(inputs, proxy)

    with tf.GradientTape() as tape:
        found = Read()(tf.constant([[1.0, 2.0]]))
        loss = tf.reduce_sum(found)
    assert found.dtype == tf.float16
    gradient = tape.gradient(loss, raw)
    assert gradient.dtype == tf.float32
    np.testing.assert_array_equal(gradient, np.float32([[1], [2]]) * MASK)
    assert proxy.dtype == tf.float32


def test_a_read_of_another_type_is_refused(proxy):
    with pytest.raises((TypeError, ValueError)):
        tf.convert_to_tensor(proxy, tf.int32)


def test_writing_goes_to_the_weight_below(raw, proxy):
    proxy.assign(VALUE * 2)
    np.testing.assert_array_equal(raw, VALUE * 2)
    assert proxy.raw is raw and proxy.shape == raw.shape and proxy.name == raw.name


@pytest.mark.slow
def test_a_custom_loop_never_sees_a_gradient_of_a_pruned_weight():
    inputs = keras.Input((4, 3))
    hidden = keras.layers.LSTM(5)(inputs)
    plain = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    model = lth.wrap(plain, 0.5)
    lth.prune(model)
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype("float32")

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x, training=True) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    found = {
        id(v): g.numpy()
        for v, g in zip(model.trainable_variables, gradients(), strict=True)
    }
    for layer in model.layers[1:]:
        for weight, mask, _ in layer.pruning_vars:
            gradient = found[id(weight)]
            assert not gradient[mask.numpy() == 0].any()
            assert gradient[mask.numpy() == 1].any()
