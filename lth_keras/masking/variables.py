"""The masked read: a variable whose gradient obeys a mask.

The proxy stands where a layer looks for its weight; optimizers, checkpoints and
`layer.weights` keep the raw variable. Reading hands on the raw value, which is
sparse already, and the gradient is multiplied by the mask on its way back. Pruned
weights therefore get no gradient in `fit`, in a GradientTape loop, before clipping
and before any optimizer slot sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras.compat import AutoCastVariable, AutoCastVariableSpec


class MaskedVariable(AutoCastVariable):
    """Reads `variable`, and multiplies the gradient of what was read by `mask`.

    Args:
        variable: float `tf.Variable` of any shape; a Keras autocasting variable or a
            distributed one too.
        mask: float `tf.Variable` of that shape with entries 0 and 1.

    Attributes:
        frozen: None, or a variable of that shape, zero where the mask keeps, which is
            added to what is read: the values that pruned weights are frozen at.
    """

    frozen: tf.Variable | None = None

    def __init__(self, variable: tf.Variable, mask: tf.Variable):
        # Keras's own check is passed on purpose: an autocasting variable reports
        # the type it is cast to.
        self._variable = variable
        self._op = "delegate"
        self._lth_mask = mask
        # One for all calls: a tf.function that is given the weight as an argument
        # compares specs by identity, and would trace anew each time.
        self._lth_spec = AutoCastVariableSpec(self)

    @property
    def raw(self) -> tf.Variable:
        """The variable that the layer's optimizer updates."""
        return self._variable

    def __tf_tracing_type__(self, context: Any) -> AutoCastVariableSpec:
        return self._lth_spec

    @property
    def dtype(self) -> tf.DType:
        return self._variable.dtype

    @property
    def true_dtype(self) -> tf.DType:
        return getattr(self._variable, "true_dtype", self._variable.dtype)

    def _should_cast(self) -> bool:
        # Casting is the business of the variable below, where it was autocasting.
        return False

    def value(self) -> tf.Tensor:
        found = _masked(
            tf.convert_to_tensor(self._variable), self._lth_mask.read_value()
        )
        return self._with_frozen(found, lambda frozen: frozen.read_value())

    def read_value(self) -> tf.Tensor:
        found = _masked(self._variable.read_value(), self._lth_mask.read_value())
        return self._with_frozen(found, lambda frozen: frozen.read_value())

    def sparse_read(self, indices: Any, name: str | None = None) -> tf.Tensor:
        found = _masked(
            self._variable.sparse_read(indices, name=name),
            self._lth_mask.sparse_read(indices),
        )
        return self._with_frozen(found, lambda frozen: frozen.sparse_read(indices))

    def gather_nd(self, indices: Any, name: str | None = None) -> tf.Tensor:
        found = _masked(
            self._variable.gather_nd(indices, name=name),
            self._lth_mask.gather_nd(indices),
        )
        return self._with_frozen(found, lambda frozen: frozen.gather_nd(indices))

    def _with_frozen(self, found: tf.Tensor, read: Callable[[Any], Any]) -> tf.Tensor:
        if self.frozen is None:
            return found
        return found + tf.cast(read(self.frozen), found.dtype)

    def _dense_var_to_tensor(
        self, dtype: Any = None, name: str | None = None, as_ref: bool = False
    ) -> tf.Tensor:
        value = self.value()
        if dtype is not None and not dtype.is_compatible_with(value.dtype):
            raise ValueError(
                f"the weight {self.name} is read as {value.dtype.name}, not as "
                f"{dtype.name}"
            )
        return value


@tf.custom_gradient
def _masked(value: tf.Tensor, mask: tf.Tensor) -> Any:
    """`value`, with a gradient multiplied by `mask`.

    The mask is read in the forward pass: a recurrent layer's loop refuses a variable
    that only its backward pass meets.
    """

    def gradient(upstream: Any) -> Any:
        kept = tf.cast(mask, upstream.dtype)
        if isinstance(upstream, tf.IndexedSlices):
            rows = tf.gather(kept, upstream.indices)
            masked = tf.IndexedSlices(
                upstream.values * rows, upstream.indices, upstream.dense_shape
            )
        else:
            masked = upstream * kept
        return masked, None

    return tf.identity(value), gradient


class MaskedConstraint:
    """A weight's own constraint, kept from reviving pruned weights.

    Attributes:
        own: the weight's own.
    """

    def __init__(self, constraint: Any, mask: Any):
        self.own, self._mask = constraint, mask

    def __call__(self, weights: Any) -> Any:
        # A product would leave -0.0, or NaN, where a pruned weight is constrained.
        kept = self.own(weights)
        return tf.where(self._mask != 0, kept, tf.zeros_like(kept))
