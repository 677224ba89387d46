"""from_keras3: predictions of the other Keras, for every kind of model and layer."""

from __future__ import annotations

import inspect
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import lth_keras as lth
from lth_keras.compat import keras, keras3
from lth_keras.converting import trial_inputs
from tests.support import keras3_sequences
from tests.support.keras3_models import MODELS, array, chain, close

# What tf_keras has no counterpart of; from_keras3 names the layer.
REFUSED = {
    *(f"Adaptive{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3)),
    *("AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"),
    *("CutMix", "Equalization", "FlaxLayer", "GroupQueryAttention", "JaxLayer"),
    *("MaxNumBoundingBoxes", "MelSpectrogram", "MixUp", "Pipeline", "RandAugment"),
    *("RandomColorDegeneration", "RandomColorJitter", "RandomCrop"),
    *("RandomElasticTransform", "RandomErasing", "RandomGaussianBlur"),
    *("RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective"),
    *("RandomPosterization", "RandomSaturation", "RandomSharpness", "RandomShear"),
    *("ReversibleEmbedding", "STFTSpectrogram", "Solarization", "TFSMLayer"),
    "TorchModuleWrapper",
}
# No layers that stand in a model by themselves.
BASES = {"InputLayer", "InputSpec", "Layer", "Wrapper"}
# Covered by tests of their own.
ELSEWHERE = {"Activation"}


def predictions(model, inputs):
    """What a model of either Keras predicts, flat, in the order of Keras 3."""
    texts = any(value.dtype == object for value in inputs)
    tensors = [tf.constant(value) for value in inputs] if texts else inputs
    # Sequential models of Keras 3 have no `input` before they are called.
    structure = getattr(model, "input", model.inputs[0])
    packed = keras3().tree.pack_sequence_as(structure, tensors)
    found = model(packed, training=False)
    outputs = keras3().tree.flatten(found)
    return [array(value).astype(np.float64) for value in outputs]


@pytest.mark.parametrize(
    "name",
    [n if n == "dense" else pytest.param(n, marks=pytest.mark.slow) for n in MODELS],
)
def test_a_converted_model_predicts_the_same(name: str) -> None:
    keras3().utils.set_random_seed(0)
    source = MODELS[name]()
    weights = source.get_weights()
    made = lth.from_keras3(source)
    assert isinstance(made, keras.Model) and made.name == source.name
    inputs = next(iter(trial_inputs.candidates(source)))
    tolerance = 2e-2 if name in ("half_precision", "brain_precision") else close()
    # Stateful models go on from the call before, so that each is called once.
    for ours, theirs in zip(
        predictions(source, inputs), predictions(made, inputs), strict=True
    ):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, atol=tolerance, rtol=tolerance)
    for before, after in zip(weights, source.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    layers = {layer.name for layer in source.layers if layer.weights}
    assert layers <= {layer.name for layer in made.layers}


@pytest.mark.slow
def test_every_layer_of_keras_3_is_in_one_of_these_models_or_refused() -> None:
    kinds = {
        name: kind
        for name, kind in vars(keras3().layers).items()
        if inspect.isclass(kind)
    }
    seen = {
        type(layer)
        for build in MODELS.values()
        for layer in trial_inputs.layers_within(build())
    }
    missing = [n for n, kind in kinds.items() if kind not in seen]
    assert set(missing) - BASES - ELSEWHERE <= REFUSED
    assert not {name for name, kind in kinds.items() if kind in seen} & REFUSED


@pytest.mark.slow
def test_penalties_count_in_the_loss_as_they_did() -> None:
    source = MODELS["penalised"]()
    made = lth.from_keras3(source)
    x = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    source(x), made(x)
    ours = sum(float(loss) for loss in source.losses)
    assert ours == pytest.approx(sum(float(loss) for loss in made.losses), rel=1e-6)


def test_what_is_frozen_stays_frozen() -> None:
    kl = keras3().layers
    inner = chain((4,), kl.Dense(3, name="first"), kl.Dense(3, name="second"))
    inner.layers[0].trainable = False
    source = chain((4,), inner, kl.Dense(2, name="last"))
    made = lth.from_keras3(source)
    trained = [w.name for w in made.trainable_weights]
    assert trained == [
        "second/kernel:0",
        "second/bias:0",
        "last/kernel:0",
        "last/bias:0",
    ]


def test_wrap_converts_by_itself_and_says_so_in_one_line(capsys) -> None:
    source = MODELS["dense"]()
    wrapped = lth.wrap(source, rate=0.5)
    (line,) = capsys.readouterr().out.splitlines()
    assert "is a Keras 3 model and was converted to tf_keras" in line
    lth.prune(wrapped)
    kept = [row.density for row in lth.coverage(wrapped, print_fn=None) if row.pruned]
    assert kept == [0.5, pytest.approx(7 / 15)]
    assert all(np.all(weight[0]) for weight in source.get_weights()[::2])


def test_a_file_of_keras_3_is_read_and_one_of_tf_keras_is_not(
    tmp_path: pathlib.Path,
) -> None:
    source = MODELS["dense"]()
    source.save(tmp_path / "model.keras")
    made = lth.from_keras3(tmp_path / "model.keras")
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(made(x), array(source(x)), atol=close())
    made.save(tmp_path / "other.keras")
    with pytest.raises(lth.LotteryError, match="is a file of tf_keras 2"):
        lth.from_keras3(tmp_path / "other.keras")
    with pytest.raises(lth.LotteryError, match="no such file"):
        lth.from_keras3("nowhere.keras")


def test_an_unbuilt_model_is_converted_unbuilt() -> None:
    source = keras3().Sequential([keras3().layers.Dense(3)])
    made = lth.from_keras3(source)
    assert not made.built and made(np.ones((1, 2))).shape == (1, 3)


@pytest.mark.slow
def test_a_stateful_model_keeps_its_states() -> None:
    source = keras3_sequences.stateful()
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    source.predict(x, verbose=0)
    before = [array(state) for state in source.layers[0].states]
    lth.from_keras3(source)
    for old, state in zip(before, source.layers[0].states, strict=True):
        np.testing.assert_array_equal(old, array(state))
