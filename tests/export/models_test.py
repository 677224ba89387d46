"""Exports of real models of every family, in every format."""

from __future__ import annotations

import pathlib
import resource

import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.export import packed, saved_model, staging
from lth_keras.export.keras_file import export_keras, staged_keras
from lth_keras.export.tflite import exporting as tflite
from lth_keras.papers import networks
from tests.support import export_models, masked_models, model_zoo
from tests.support.export_models import heads, wide

layers = keras.layers


@pytest.mark.slow
def test_every_family_of_models_is_exported_right(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "_OVERHEAD", -(10**6))  # small weights are packed too
    stages = []
    for build in model_zoo.FAMILIES:
        keras.mixed_precision.set_global_policy("float32")
        model, x = build()
        wrapped = masked_models.masked(lth.wrap(model))
        place = tmp_path / build.__name__
        stages.append(saved_model.staged_saved_model(wrapped, place, batch=x))
    reports = staging.finish(stages, verbose=False)
    for report in reports:
        assert report.largest_difference < 1e-4, report.path
        assert any(layer.stored == "bitmask" for layer in report.layers)


@pytest.mark.slow
def test_every_family_of_keras_own_layers_is_a_keras_file(
    tmp_path: pathlib.Path,
) -> None:
    # Custom layers need their module; Keras itself cannot load a layer that is shared
    # by a model and a model inside it.
    left_out = (
        *("custom_layers", "masked_custom_layer", "shared_across_models"),
        *("blocks", "late_block", "compiled_block", "cell_of_layers"),
    )
    stages = []
    for build in model_zoo.FAMILIES:
        keras.mixed_precision.set_global_policy("float32")
        if build.__name__ not in left_out:
            model, x = build()
            wrapped = masked_models.masked(lth.wrap(model))
            place = tmp_path / f"{build.__name__}.keras"
            stages.append(staged_keras(wrapped, place, batch=x))
    for report in staging.finish(stages, verbose=False):
        assert report.largest_difference < 1e-4, report.path


@pytest.mark.slow
def test_the_papers_networks_shrink_with_their_density(tmp_path: pathlib.Path) -> None:
    stages = []
    for name in ("lenet", "conv2", "conv4", "conv6", "resnet18", "vgg19"):
        shape = (28, 28, 1) if name == "lenet" else (32, 32, 3)
        wrapped = masked_models.masked(lth.wrap(networks.build(name, shape, 10)), 0.05)
        x = model_zoo.floats(2, *shape)
        stages.append(saved_model.staged_saved_model(wrapped, tmp_path / name, batch=x))
    for report in staging.finish(stages, verbose=False):
        limit = 0.4 if "resnet" in report.path else 0.13
        assert report.bytes < limit * report.dense_bytes, report


@pytest.mark.slow
def test_a_subclassed_model_is_exported_by_what_it_was_called_with(
    tmp_path: pathlib.Path,
) -> None:
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(64), layers.Dense(40)

        def call(self, inputs, training=None):
            return self.second(self.first(inputs))

    model = Two()
    model(model_zoo.floats(2, 40))
    kernel = model.first.kernel
    kernel.assign(tf.where(abs(kernel) > 0.2, kernel, 0.0))
    report = saved_model.export_saved_model(model, tmp_path / "m", verbose=False)
    assert report.largest_difference < 1e-5
    assert report.layers[0].stored == "bitmask"


def mirrored() -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = keras.Sequential(
            [
                layers.Dense(64, "relu", input_shape=(40,)),
                layers.BatchNormalization(),
                layers.Dense(64),
            ]
        )
    wrapped = masked_models.masked(lth.wrap(model), 0.1)
    with strategy.scope():
        wrapped.compile("sgd", "mse")
    wrapped.fit(model_zoo.floats(16, 40), model_zoo.floats(16, 64), 8, verbose=0)
    sm, keras_file = staging.finish(
        [
            saved_model.staged_saved_model(wrapped, "m"),
            staged_keras(wrapped, "m.keras"),
        ],
        verbose=False,
    )
    assert sm.largest_difference < 1e-5, sm
    assert keras_file.largest_difference < 1e-5, keras_file
    assert [x.stored for x in sm.layers].count("bitmask") == 2


@pytest.mark.slow
@pytest.mark.distributed
def test_a_model_trained_under_mirrored_strategy(in_own_process) -> None:
    in_own_process(mirrored)


def classifier() -> keras.Model:
    """An LSTM over words."""
    words = keras.Input((12,), dtype="int32", name="words")
    hidden = layers.Embedding(50, 32, mask_zero=True)(words)
    hidden = layers.Bidirectional(layers.LSTM(32))(hidden)
    return keras.Model(words, layers.Dense(4, "softmax", name="class")(hidden))


def encoder() -> keras.Model:
    """A block of a Transformer's encoder."""
    inputs = keras.Input((6, 32), name="sequence")
    attended = layers.MultiHeadAttention(4, 16, name="attention")(inputs, inputs)
    hidden = layers.LayerNormalization()(layers.Add()([inputs, attended]))
    inner = layers.Dense(32)(layers.Dense(128, "gelu")(hidden))
    hidden = layers.LayerNormalization()(layers.Add()([hidden, inner]))
    pooled = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(inputs, layers.Dense(3, name="logits")(pooled))


def prepared() -> keras.Model:
    """Normalisation of numbers and a look-up of categories, inside the model."""
    number = keras.Input((20,), name="n")
    kind = keras.Input((1,), dtype=tf.string, name="k")
    normalise = layers.Normalization()
    normalise.adapt(model_zoo.floats(30, 20) * 3 + 1)
    lookup = layers.StringLookup(vocabulary=["a", "b", "c"], output_mode="one_hot")
    joined = layers.Concatenate()([normalise(number), lookup(kind)])
    hidden = layers.Dense(64, "relu")(joined)
    return keras.Model([number, kind], layers.Dense(3, name="logits")(hidden))


@pytest.mark.slow
def test_real_models_are_exported_in_every_format(tmp_path: pathlib.Path) -> None:
    stages = []
    for build in (classifier, encoder, heads, prepared):
        wrapped = masked_models.masked(lth.wrap(build()), 0.1)
        place = tmp_path / build.__name__
        stages.append(saved_model.staged_saved_model(wrapped, place))
        stages.append(staged_keras(wrapped, f"{place}.keras"))
        if build is not prepared:  # TFLite has no texts.
            stages.append(tflite.staged_tflite(wrapped, f"{place}.tflite"))
    for report in staging.finish(stages, verbose=False):
        assert report.largest_difference < 1e-4, report
        if report.format != "keras":
            assert any(layer.stored != "dense" for layer in report.layers), report


def large() -> None:
    model = export_models.large_and_sparse()
    dense = 4 * model.count_params()
    # What TensorFlow itself takes for a save is not the export's.
    saved_model.export_saved_model(wide(), "first", verify=False, verbose=False)
    before = peak()
    report = saved_model.export_saved_model(model, "m", verbose=False)
    taken = peak() - before
    assert report.largest_difference < 1e-3
    assert report.bytes < 0.06 * dense, report
    assert taken < 4 * dense, f"{taken:,} bytes at most, dense {dense:,}"


def peak() -> int:
    """Bytes of memory that this process has held at most."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.slow
def test_20_million_weights_at_2_percent_take_little_memory(in_own_process) -> None:
    in_own_process(large)


@keras.utils.register_keras_serializable("export_models_test")
class Own(keras.Model):
    """A functional model of a class of the user."""


def test_a_model_of_an_own_class_is_saved_as_it_is(tmp_path: pathlib.Path) -> None:
    inputs = keras.Input((4,))
    for kind, compiled in ((Own, True), (keras.Model, False)):
        model = kind(inputs, layers.Dense(2)(inputs))
        model.compile("adam", "mse")
        path = tmp_path / f"{kind.__name__}.keras"
        export_keras(model, path, verify=False, verbose=False)
        loaded = keras.models.load_model(path)
        assert type(loaded).__name__ == type(model).__name__
        assert (loaded.optimizer is not None) == compiled
