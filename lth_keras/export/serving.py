"""A model as a SavedModel's module: signatures, and weights stored as asked for.

Nothing of Keras is in it: the traced functions, the variables and tables that they
read, and packed weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras, raw_variable
from lth_keras.errors import LotteryError
from lth_keras.export.dense_counterpart import filled, is_pruned
from lth_keras.export.nonzeros import LayerNonzeros
from lth_keras.export.packed import PackedStore, PackedWeight, worthwhile
from lth_keras.export.resources import handles, named_by, resources
from lth_keras.export.signatures import Signature, traced
from lth_keras.export.substitutes import Read, substituted
from lth_keras.masking.weight import Weight
from lth_keras.masking.weights import weights_of

# What a variable costs besides its value: nodes that read, save and restore it.
_VARIABLE = 1200  # bytes
_LARGEST_IN_FUNCTION = 1 << 14  # bytes


class Served:
    """The model ready for `tf.saved_model.save`.

    Args:
        model: a built model, wrapped or not; it stays as it is.
        signatures: as from `signatures_of`.
        packed: whether weights that get smaller by it are stored packed, and small
            ones in the functions that read them.
        values_dtype: of the packed values.
        dense: whether zeros of pruned weights are filled with random numbers: the
            network that the export is compared with.

    Attributes:
        layers: how each weight is stored.
    """

    def __init__(
        self,
        model: keras.Model,
        signatures: Mapping[str, Signature],
        packed: bool = True,
        values_dtype: str = "float32",
        dense: bool = False,
    ):
        self._model, self._signatures = model, signatures
        self._store = PackedStore(values_dtype)
        self._packed: dict[int, PackedWeight] = {}
        self._in_functions: set[int] = set()
        self._variables: list[Any] = []
        self._counts: dict[int, tuple[tuple[int, ...], int]] = {}
        reads: dict[int, tuple[Any, Read]] = {}
        self.layers: list[LayerNonzeros] = []
        weights = weights_of(model)
        for weight in weights:
            reads.update(self._source(weight, packed, dense))
        self._functions = self._trace(reads)
        if lost := self._still_captured():
            # A weight that a layer also reads by another way stays a variable.
            for key in lost:
                if key in self._packed:
                    self._store.drop(self._packed.pop(key))
                del reads[key]
            self._functions = self._trace(reads)
        self._check_captured()
        paths = {id(raw_variable(w.variable)): w for w in weights}
        for key, (shape, nonzeros) in self._counts.items():
            how = "bitmask" if key in self._packed else "dense"
            self.layers.append(LayerNonzeros(paths[key].path, shape, nonzeros, how))

    @property
    def narrowed(self) -> bool:
        """Whether some values were rounded to `values_dtype`."""
        return self._store.narrowed

    @property
    def packed_bytes(self) -> int:
        """Bytes of all bitmasks and the values to them."""
        return self._store.bytes

    def save(self, path: str) -> None:
        """Writes the SavedModel into a directory."""
        module = tf.Module()
        captured = self._captured()
        module.packed = self._store.weights
        module.parts = self._store.variables()
        module.made = self._variables
        module.read = [item for item in self._readable() if handles(item) & captured]
        tf.saved_model.save(module, path, signatures=self._functions)

    def _source(
        self, weight: Weight, packed: bool, dense: bool
    ) -> dict[int, tuple[Any, Read]]:
        """What is read in the place of a weight, if not its variable by itself."""
        raw = raw_variable(weight.variable)
        key = id(raw)
        value = weight.read()
        nonzeros = int(np.count_nonzero(value))
        self._counts[key] = (weight.shape, nonzeros)
        floating = raw.dtype.is_floating
        if dense and floating and is_pruned(weight, nonzeros):
            return {key: (raw, self._variable(filled(value)))}
        if packed and floating and worthwhile(value):
            own = self._packed[key] = self._store.add(value, weight.path)
            return {key: (raw, own.read)}
        copies = value.nbytes * (len(self._signatures) - 1)
        small = copies < _VARIABLE and value.nbytes <= _LARGEST_IN_FUNCTION
        if packed and floating and small:
            self._in_functions.add(key)
            return {key: (raw, lambda: _in_function(value, raw.dtype))}
        if getattr(raw, "values", None):
            # A distribution strategy's variable has a copy per replica; one serves.
            return {key: (raw, self._variable(value))}
        if weight.mask is not None:
            return {key: (raw, lambda: raw.read_value())}
        return {}

    def _variable(self, value: np.ndarray) -> Read:
        variable = tf.Variable(value, trainable=False)
        self._variables.append(variable)
        return lambda: variable.read_value()

    def _trace(self, reads: Mapping[int, tuple[Any, Read]]) -> dict[str, Any]:
        with substituted(self._model, reads):
            return {
                name: traced(self._model, signature)
                for name, signature in self._signatures.items()
            }

    def _captured(self) -> set[int]:
        return {
            id(external)
            for function in self._functions.values()
            for external, _ in function.graph.captures
        }

    def _readable(self) -> list[Any]:
        """Variables and tables of the model, and others that signatures read."""
        found = resources(self._model)
        known = {
            handle for item in [*self._variables, *found] for handle in handles(item)
        }
        for name, signature in self._signatures.items():
            # Graphs keep a list of their variables, but none of their tables.
            held = [
                *self._functions[name].graph.variables,
                *named_by(signature.function),
            ]
            for item in held:
                if not handles(item) <= known:
                    found.append(item)
                    known |= handles(item)
        return found

    def _check_captured(self) -> None:
        """Refuses functions that read what cannot be saved with them."""
        known = {id(weight.resource_handle) for weight in self._store.weights}
        for item in [*self._variables, *self._readable()]:
            known |= handles(item)
        for name, function in self._functions.items():
            for external, _ in function.graph.captures:
                if external.dtype != tf.resource or id(external) in known:
                    continue
                raise LotteryError(
                    f"signature {name!r} of model {self._model.name!r} reads a lookup "
                    "table or another resource that cannot be found: make it an "
                    "attribute of the model, as model.table = table."
                )

    def _still_captured(self) -> list[int]:
        captured = self._captured()
        raws = {
            id(raw): raw
            for weight in weights_of(self._model)
            for raw in [raw_variable(weight.variable)]
        }
        replaced = [*self._packed, *self._in_functions]
        return [key for key in replaced if handles(raws[key]) & captured]


def _in_function(value: np.ndarray, dtype: tf.DType) -> Any:
    """A weight that stands in the function that reads it, but is no constant there.

    TensorFlow rewrites what is computed with constants, and not always rightly: the
    LayerNormalization of oneDNN, which takes constant weights alone, has an epsilon of
    its own. What could be fed it has to leave alone.
    """
    return tf.raw_ops.PlaceholderWithDefault(
        input=tf.constant(value, dtype), shape=value.shape
    )
