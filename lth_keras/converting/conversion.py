"""A Keras 3 model as a tf_keras model of equal predictions.

model = lth.from_keras3(keras3_model)        # or a path: "model.keras"
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.converting import checks, trial_inputs, weights
from lth_keras.converting.graphs import Converter
from lth_keras.converting.reasons import reason
from lth_keras.errors import LotteryError, shown
from lth_keras.storage.paths import as_path


def from_keras3(
    model: Any, custom_objects: Mapping[str, Any] | None = None
) -> keras.Model:
    """A tf_keras model like one of Keras 3: of its layers, names, weights and outputs.

    The two predict the same, which is tried on random inputs before it is returned.
    What is frozen stays frozen; the model is not compiled: see `lth.compile_like`.

    Args:
        model: a Sequential or Functional model of Keras 3 on any backend, with models
            inside, shared layers and `keras.ops` as it may be; or the path of a
            `.keras` file of one. It is left as it is.
        custom_objects: tf_keras versions of layer classes, activations and the like
            that are the user's own, by the name of the class or function.
            Registered ones need not be named.

    Returns:
        A new tf_keras model, Sequential where the other is. An argument `training` of
        a call in its graph is not taken over: in Keras 3 what `fit` and `predict` say
        takes its place.

    Raises:
        LotteryError: names the layer, operation or argument that tf_keras lacks, and
            what to do.
    """
    if isinstance(model, (str, os.PathLike)):
        model = _loaded(as_path(model, "model"))
    check_keras3_model(model)
    _check_unbuilt(model)
    custom = _checked(custom_objects)
    converter = Converter(custom)
    with keras.utils.custom_object_scope(dict(custom)):
        made = converter.layer(model)
        pairs = converter.pairs
        twins = weights.twins(pairs) if model.built else []
        for twin in twins:
            twin.made.assign(weights.read(twin.source))
        for _, layer in pairs:
            if hasattr(layer, "finalize_state"):
                # It keeps constants made of its weights.
                layer.finalize_state()
        weights.copy_trainable(pairs)
        if converter.ends:
            adapted = {
                id(v)
                for source, layer in pairs
                if hasattr(layer, "finalize_state")
                for v in weights.own3(source)
            }
            free = [twin for twin in twins if id(twin.source) not in adapted]
            checks.check_same(model, made, converter.ends, free)
    return made


def check_keras3_model(model: Any) -> None:
    """Refuses what is no model of Keras 3.

    Raises:
        LotteryError: says what it is.
    """
    if isinstance(model, keras.Model):
        raise LotteryError(
            f"model {model.name!r} is a tf_keras model already: give it to lth.wrap."
        )
    if not compat.is_keras3_model(model):
        raise LotteryError(
            f"model={shown(model)}: give a model of Keras 3, or the path of a .keras "
            "file of one."
        )


def _check_unbuilt(model: Any) -> None:
    """Refuses weights in a model that knows no inputs: nothing could be compared."""
    if model.built:
        return
    for layer in trial_inputs.layers_within(model):
        if weights.own3(layer):
            raise LotteryError(
                f"model {model.name!r} is not built, and its layer {layer.name!r} has "
                "weights already: call the model once, and convert it then."
            )


def _checked(custom_objects: Any) -> dict[str, Any]:
    if custom_objects is None:
        return {}
    named = isinstance(custom_objects, Mapping) and all(
        isinstance(name, str) and callable(value)
        for name, value in custom_objects.items()
    )
    if not named:
        raise LotteryError(
            f"custom_objects={shown(custom_objects)}: give a dict of the names of your "
            "classes and functions, each with the same for tf_keras."
        )
    return dict(custom_objects)


def _loaded(path: str) -> Any:
    if not os.path.isfile(path):
        raise LotteryError(f"model={shown(path)}: there is no such file.")
    try:
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    except Exception:  # No archive; load_model says what it is.
        version = ""
    if str(version).startswith("2."):
        raise LotteryError(
            f"model={shown(path)} is a file of tf_keras {version}: load it with "
            "tf_keras.models.load_model, and give it to lth.wrap."
        )
    try:
        return compat.keras3().saving.load_model(path)
    except Exception as error:  # Whatever Keras 3 and the user's classes raise.
        raise LotteryError(
            f"model={shown(path)} cannot be loaded by Keras 3 "
            f"({reason(error)}): load it yourself with "
            "keras.saving.load_model, and give the model."
        ) from error
