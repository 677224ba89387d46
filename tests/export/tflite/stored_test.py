"""What the report says on how a TFLite file stores each weight."""

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.export.tflite import stored as tflite_stored
from lth_keras.export.tflite.exporting import export_tflite
from tests.support import model_zoo

layers = keras.layers


def _pruned(model: keras.Model, density: float, *names: str) -> keras.Model:
    """The model with random zeros in the kernels of these layers, or of all."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1 and (not names or weight.name.startswith(names)):
            value = weight.numpy()
            weight.assign(value * (rng.random(value.shape) < density))
    return model


def _two(size: int = 100) -> keras.Model:
    inputs = keras.Input((size,))
    hidden = layers.Dense(size, "relu", name="first", use_bias=False)(inputs)
    model = keras.Model(inputs, layers.Dense(size, name="second")(hidden))
    model.get_layer("second").bias.assign(np.linspace(1, 2, size))
    return model


def _stored(model: keras.Model, path, quantize: str | None = None, **settings):
    """How each weight is stored, and notes."""
    given = model_zoo.floats(20, *model.input_shape[1:])
    report = export_tflite(
        model,
        path,
        quantize=quantize,
        representative=given if quantize == "int8" else None,
        verify=False,
        verbose=False,
        **settings,
    )
    return {layer.weight: layer.stored for layer in report.layers}, report.notes


def _sparse_tensors(path) -> int:
    """How many there are, as the runtime reads the file."""
    details = tf.lite.Interpreter(str(path)).get_tensor_details()
    return sum(bool(each["sparsity_parameters"]) for each in details)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "float16"])
@pytest.mark.parametrize(
    ("sparse", "dense"), [("first", "second"), ("second", "first")]
)
def test_of_two_kernels_of_a_shape_one_is_sparse(tmp_path, quantize, sparse, dense):
    path = tmp_path / "m.tflite"
    stored, _ = _stored(_pruned(_two(), 0.03, sparse), path, quantize)
    assert stored == {
        f"{sparse}/kernel": "sparse",
        f"{dense}/kernel": "dense",
        "second/bias": "dense",
    }
    assert _sparse_tensors(path) == 1


@pytest.mark.slow
def test_an_int8_matrix_is_dense_whatever_zeros_it_has(tmp_path):
    path = tmp_path / "m.tflite"
    stored, _ = _stored(_pruned(_two(), 0.03, "first"), path, "int8")
    assert set(stored.values()) == {"dense"}
    assert _sparse_tensors(path) == 0


@pytest.mark.slow
def test_kernels_that_the_converter_reshapes_are_sparse(tmp_path):
    inputs = keras.Input((12, 64))
    attended = layers.MultiHeadAttention(4, 16)(inputs, inputs)
    path = tmp_path / "m.tflite"
    stored, notes = _stored(_pruned(keras.Model(inputs, attended), 0.03), path)
    kernels = [how for name, how in stored.items() if name.endswith("kernel")]
    assert kernels == ["sparse"] * 4 and _sparse_tensors(path) == 4
    assert not any("no weight has enough zeros" in note for note in notes)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "float16", "int8"])
def test_a_kernel_with_a_batch_normalization_in_it_is_sparse(tmp_path, quantize):
    inputs = keras.Input((8, 8, 32))
    hidden = layers.Conv2DTranspose(64, 3, name="up", use_bias=False)(inputs)
    hidden = layers.BatchNormalization(name="norm")(hidden)
    model = keras.Model(inputs, layers.Conv2D(16, 1, name="last")(hidden))
    norm, last = model.get_layer("norm"), model.get_layer("last")
    rng = np.random.default_rng(1)
    norm.set_weights([rng.uniform(0.5, 1.5, 64) for _ in norm.weights])
    last.bias.assign(rng.uniform(0.5, 1.5, 16))
    path = tmp_path / "m.tflite"
    stored, _ = _stored(_pruned(model, 0.03, "up"), path, quantize)
    assert stored["up/kernel"] == "sparse" and stored["last/kernel"] == "dense"
    assert stored["last/bias"] == "dense" and _sparse_tensors(path) == 1
    # Four vectors became one.
    vectors = {how for name, how in stored.items() if name.startswith("norm")}
    assert vectors == {"unclear" if quantize == "int8" else "absent"}


@pytest.mark.slow
def test_weights_of_equal_size_and_nonzeros_are_told_by_their_values(tmp_path):
    inputs = keras.Input((20,), dtype="int32")
    hidden = layers.Embedding(64, 64, name="table")(inputs)
    model = keras.Model(inputs, layers.Dense(64, name="dense")(hidden))
    for index, name in enumerate(("table", "dense")):
        value = np.zeros(4096, np.float32)
        value[:100] = np.arange(1, 101) + 0.25 * index
        weight = model.get_layer(name).weights[0]
        weight.assign(np.random.default_rng(index).permutation(value).reshape(64, 64))
    path = tmp_path / "m.tflite"
    report = export_tflite(model, path, verify=False, verbose=False)
    stored = {layer.weight: layer.stored for layer in report.layers}
    # Rows are gathered from a dense table only.
    assert stored["dense/kernel"] == "sparse" and _sparse_tensors(path) == 1
    assert stored["table/embeddings"] == "dense"


@pytest.mark.slow
def test_a_file_that_stores_nothing_sparse_is_dense(tmp_path):
    path = tmp_path / "m.tflite"
    stored, notes = _stored(_pruned(_two(), 0.03), path, sparse=False)
    assert set(stored.values()) == {"dense"} and not notes
    assert _sparse_tensors(path) == 0
    stored, notes = _stored(_two(), tmp_path / "full.tflite")
    assert set(stored.values()) == {"dense"}
    assert any("no weight has enough zeros" in note for note in notes)


def _constants(*counts: tuple[int, bool]) -> list:
    """Quantized matrices of 100 entries: nonzeros of each, and whether it is sparse."""
    return [
        tflite_stored._Constant(2, 100, np.ones(count, np.int8), sparse)
        for count, sparse in counts
    ]


@pytest.mark.parametrize(
    ("weights", "constants", "expected"),
    [
        # 90 cannot be what is left of 10.
        ([90, 10], [(90, False), (9, True)], ["dense", "sparse"]),
        ([90, 10], [(8, True), (11, False)], ["dense", "sparse"]),
        # 9 may be what is left of either.
        ([10, 12], [(9, True), (10, False)], ["unclear", "unclear"]),
        ([10, 12], [(9, True), (10, True)], ["sparse", "sparse"]),
        (
            [10, 12, 50],
            [(9, True), (10, False), (49, False)],
            [*2 * ["unclear"], "dense"],
        ),
        # One is missing, and which is not known.
        ([10, 12], [(9, True)], ["unclear", "unclear"]),
        ([10], [(9, True), (5, True)], ["sparse"]),
        ([10], [(9, True), (5, False)], ["unclear"]),
        ([10], [], ["absent"]),
    ],
)
def test_weights_that_were_rounded_are_told_by_how_many_nonzeros_they_have(
    monkeypatch, weights, constants, expected
):
    others = [tflite_stored._Constant(2, 7, np.ones(1, np.int8), True)]
    monkeypatch.setattr(
        tflite_stored, "_constants", lambda content: [*others, *_constants(*constants)]
    )
    found = tflite_stored.stored_as(b"", [(100, count) for count in weights], None)
    assert found == expected
