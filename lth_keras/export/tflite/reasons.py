"""Why a model cannot be converted to TFLite, in one line that names layers and ops."""

from __future__ import annotations

import re

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras

_NAMED = 5


def loop_reason(model: keras.Model) -> str:
    """Why a model with loops of fixed batch is not quantized, and what to do."""
    looping = [
        layer
        for layer in compat.layers_within(model)
        if isinstance(layer, keras.layers.RNN) and not layer.unroll
    ]
    return (
        f"model {model.name!r} cannot be quantized to int8: TFLite makes a loop of "
        f"{_named(looping)} and cannot measure the ranges in it; use unroll=True "
        "there, or quantize='float16'."
    )


def reason(model: keras.Model, text: str) -> str:
    """One line that names the layers and ops of a converter's error.

    Args:
        model: what was converted.
        text: the error's message, of many lines.
    """
    parts = {
        part
        for path in re.findall(r'"([^"\s]+)@', text)
        for part in path.split("/")
        if part
    }
    ops = sorted(
        set(re.findall(r"tf\.([A-Z]\w+)", text))
        | set(re.findall(r"TF Select ops: (\w+)", text))
    )
    layers = [
        layer
        for layer in compat.layers_within(model)
        if layer.name in parts
        and not isinstance(layer, (keras.Model, PruneLowMagnitude))
        and not compat.is_input_layer(layer)
    ]
    if not layers and not ops:
        lines = [line for line in text.splitlines() if line.strip()]
        return (
            f"model {model.name!r} cannot be converted to TFLite: "
            f"{' '.join(lines[:1])[:300]}"
        )
    return (
        f"model {model.name!r} cannot be converted to TFLite, which has no "
        f"{', '.join(ops[:_NAMED]) or 'such operation'}: replace {_named(layers)}, or "
        "export a SavedModel."
    )


def _named(layers: list[keras.layers.Layer]) -> str:
    named = [f"{layer.name!r} ({type(layer).__name__})" for layer in layers[:_NAMED]]
    return ", ".join(named) or "some layer"
