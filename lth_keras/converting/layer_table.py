"""Where a layer of Keras 3 and its namesake in tf_keras differ: one row a layer.

A layer without a row has the same name, the same arguments and the same formula in
both. An argument that tf_keras does not have is let go where it has its default.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lth_keras.compat import LayerScale, keras
from lth_keras.converting.stand_ins import RMSNormalization


class Row(NamedTuple):
    """How a layer differs.

    Attributes:
        renamed: names of arguments in Keras 3, and in tf_keras.
        left_out: arguments that change nothing of what is computed.
        made_of: the class in tf_keras, where it has another name or place.
        instead: what to do where there is none.
        unless: arguments that are left out where another is given, which is named.
    """

    renamed: dict[str, str] = {}
    left_out: tuple[str, ...] = ()
    made_of: Any = None
    instead: str = ""
    unless: dict[str, str] = {}


# Keras 3 writes the dtype of other numbers than those that come out.
_WORDS = Row(left_out=("vocabulary", "idf_weights", "vocabulary_size", "dtype"))

ROWS: dict[str, Row] = {
    # Keras 3 writes both once the edges are known.
    "Discretization": Row(unless={"num_bins": "bin_boundaries"}),
    "GroupedQueryAttention": Row(
        instead="use MultiHeadAttention, of as many key heads as query heads"
    ),
    "Embedding": Row(left_out=("weights",)),
    "IntegerLookup": _WORDS,
    "LayerScale": Row(made_of=LayerScale),
    "LeakyReLU": Row(renamed={"negative_slope": "alpha"}),
    # Written by newer Keras 3 as read from the inputs, as tf_keras does.
    "MultiHeadAttention": Row(left_out=("query_shape", "key_shape", "value_shape")),
    # At inference Keras 3 gives it another shape.
    "RandomCrop": Row(instead="crop in the input pipeline, or use CenterCrop"),
    "RMSNormalization": Row(made_of=RMSNormalization),
    "StringLookup": _WORDS,
    "TextVectorization": _WORDS,
}
# Of any layer: they choose random numbers, an algorithm, or what is kept of a file.
LEFT_OUT = (
    "build_config",
    "flash_attention",
    "quantization_config",
    "seed",
    "use_cudnn",
)


def row(name: str) -> Row:
    """The row of a class's name, or one without differences."""
    return ROWS.get(name, Row())


def class_like(name: str) -> Any:
    """The tf_keras class like a Keras 3 layer's, or None."""
    found = row(name)
    if found.instead:
        return None
    return found.made_of or getattr(keras.layers, name, None)
