"""Calls on Keras tensors, by which Functional and Sequential models are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf
import tf_keras as keras
from tf_keras.src.engine import keras_tensor as _keras_tensor

from lth_keras.compat.layers import expects, placeholders

_Function = TypeVar("_Function")
_unconverted: Callable[[_Function], _Function]
_unconverted = tf.autograph.experimental.do_not_convert


class InfersByItsLayer:
    """A wrapper that asks its layer what a call on Keras tensors returns.

    Such a call is traced only for shapes and types, and thrown away. Kept apart from
    the wrapper's own call it is traced once rather than three times (to give the
    layer its weights, the wrapper's call, the layer's inside it).
    """

    layer: Any

    # No tensors decide here, and autograph takes long to find that out.
    @_unconverted
    def passed_on(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Without what Keras passes to a wrapper, and the layer does not take."""
        return {
            name: value
            for name, value in kwargs.items()
            if name not in ("mask", "training") or expects(self.layer, name)
        }

    def asks_its_layer(self, arguments: Any) -> bool:
        """Whether a call with these arguments is one of those, on a layer that can.

        A recurrent layer's own `__call__` sorts its arguments first.
        """
        if type(self.layer).__call__ is not keras.layers.Layer.__call__:
            return False
        flat = tf.nest.flatten(arguments)
        return any(isinstance(value, _keras_tensor.KerasTensor) for value in flat)

    def _infer_output_signature(
        self, inputs: Any, args: Any, kwargs: dict[str, Any], input_masks: Any
    ) -> Any:
        wrapper: Any = self
        if not self.asks_its_layer((inputs, args, kwargs)):
            return super()._infer_output_signature(  # type: ignore[misc]
                inputs, args, kwargs, input_masks
            )
        outputs = self.layer._infer_output_signature(
            inputs, args, self.passed_on(kwargs), input_masks
        )
        self.layer._clear_losses()
        with tf.__internal__.FuncGraph("scratch").as_default():
            with keras.backend.name_scope(wrapper._name_scope()):
                wrapper._maybe_build(placeholders(inputs))
        wrapper._set_save_spec(inputs, args, kwargs)
        return outputs
