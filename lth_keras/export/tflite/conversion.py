"""Models through TensorFlow's TFLite converter: at the batch size that it can, in the
precision that it has, and with its errors told in one line.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import warnings
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import model_io
from lth_keras.export.nonzeros import LayerNonzeros
from lth_keras.export.serving import Served
from lth_keras.export.signatures import DEFAULT, Signature
from lth_keras.export.tflite.precision import in_float32, other_dtypes
from lth_keras.export.tflite.printed_errors import printed_once
from lth_keras.export.tflite.reasons import loop_reason, reason
from lth_keras.storage import files, paths

# Ranges of activations are known well after this many examples.
_CALIBRATION = 200


class Conversion:
    """Conversions of one model: first of the dense network, then of the model.

    Args:
        model: what the file is made of.
        signature: of its one function.
        aside: a directory for what the converter reads.
        original: the network that the dense one is, with its zeros filled; None where
            that is the model.

    Attributes:
        signature: with the batch size that was possible.
        layers: the weights of the last conversion that was not of the dense network.
        notes: sentences for the report.
    """

    def __init__(
        self,
        model: keras.Model,
        signature: Signature,
        aside: str,
        original: keras.Model | None = None,
    ):
        self._model = in_float32(model)
        self._original = self._model if original is None else in_float32(original)
        self._aside = aside
        self.signature = signature
        self.layers: list[LayerNonzeros] = []
        self.notes: list[str] = []
        self._loops = False
        if self._model is not model:
            dtypes = _listed(other_dtypes(model))
            self.notes.append(
                f"TFLite has few operations in {dtypes}: the file computes in float32 "
                f"what the model computes in {dtypes}."
            )

    def run_dense(self) -> bytes:
        """The file's content for the network without zeros, in float32."""
        content = self._at_any_batch(True, None, None)
        self._loops = _has_loops(content)
        return content

    def run(
        self, sparse: bool, quantize: str | None, examples: dict[str, Any] | None
    ) -> bytes:
        """The content of the file.

        Args:
            sparse: whether weights with enough zeros are stored sparse.
            quantize: None, "float16" or "int8".
            examples: what the model takes, for "int8".

        Raises:
            LotteryError: TFLite cannot convert the model; the message says why.
        """
        # Imported late: the schema they read is large, and few need it.
        from lth_keras.export.tflite import scales as tflite_scales
        from lth_keras.export.tflite import sparse as tflite_sparse

        if examples is not None and self._loops and not self._has_free_batch:
            # TensorFlow would end the whole process by a segmentation fault.
            raise LotteryError(loop_reason(self._model))
        content = self._at_any_batch(False, quantize, examples)
        if examples is not None:
            measured, content = content, tflite_scales.accepted(content)
            if content is not measured:
                self.notes.append(
                    "the output of some layer did not move on the representative "
                    "inputs: the file holds it still on others too; give more of "
                    "them if it should move."
                )
        return tflite_sparse.sparsified(content, sparse)

    @property
    def _has_free_batch(self) -> bool:
        return model_io.has_free_batch(self.signature.specs)

    def _at_any_batch(
        self, dense: bool, quantize: str | None, examples: dict[str, Any] | None
    ) -> bytes:
        try:
            return self._convert(dense, quantize, examples)
        except LotteryError:
            if not self._has_free_batch:
                raise
        self.signature = _for_one_example(self.signature)
        content = self._convert(dense, quantize, examples)
        self.notes.append(
            "TFLite converts this model only for a fixed batch size: the file "
            "takes one example per call."
        )
        return content

    def _convert(
        self,
        dense: bool,
        quantize: str | None,
        examples: dict[str, Any] | None,
    ) -> bytes:
        place = os.path.join(self._aside, files.temporary_name())
        try:
            served = Served(
                self._original if dense else self._model,
                {DEFAULT: self.signature},
                packed=False,
                dense=dense,
            )
            served.save(place)
            if not dense:
                self.layers = list(served.layers)
            del served
            converter = tf.lite.TFLiteConverter.from_saved_model(
                place, signature_keys=[DEFAULT]
            )
            # It has loaded the model and dropped it, and is going to load it again.
            gc.collect()
            # What the converter does to its file in Python takes three times the
            # file. Constants behind the flatbuffer are left alone; `sparsified` takes
            # them into it. The quantizer to int8 does not know such files.
            compat.put_constants_behind(converter, examples is None)
            if quantize:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if quantize == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if examples is not None:
                converter.representative_dataset = lambda: _one_by_one(examples)
            with warnings.catch_warnings(), printed_once():
                # The interpreter that measures ranges warns of itself.
                warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter")
                content: bytes = converter.convert()
                return content
        except (LotteryError, MemoryError, OSError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:  # the converter raises whatever its parts raise
            raise LotteryError(reason(self._model, str(error))) from error
        finally:
            paths.remove_directory(place)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _one_by_one(examples: dict[str, Any]) -> Iterator[dict[str, Any]]:
    count = min(_CALIBRATION, *(len(value) for value in examples.values()))
    for index in range(count):
        yield {name: value[index : index + 1] for name, value in examples.items()}


def _for_one_example(signature: Signature) -> Signature:
    specs = {
        name: tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, name)
        for name, spec in signature.specs.items()
    }
    return dataclasses.replace(signature, specs=specs)


def _has_loops(content: bytes) -> bool:
    # Imported late, as above.
    from tensorflow.lite.python import schema_py_generated as schema

    found = schema.Model.GetRootAs(content, 0)
    codes = [found.OperatorCodes(i) for i in range(found.OperatorCodesLength())]
    return any(code.BuiltinCode() == schema.BuiltinOperator.WHILE for code in codes)
