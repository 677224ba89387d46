"""Gradients of what a Keras 3 model computes, by whichever backend computes it.

A function of values is differentiated, with the weights read through a
`keras.StatelessScope`: no variable is written, whatever layers and metrics do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from lth_keras.compat.keras3 import keras3
from lth_keras.compat.keras3_models import keras3_backend

# f(values, *rest) -> a number, or its gradients by the values.
Function = Callable[..., Any]


def keras3_outputs(model: Any, values: Sequence[Any], inputs: Any) -> Any:
    """What a model gives in evaluation, its variables at other values.

    Args:
        model: built.
        values: one for each of `model.variables`.
        inputs: tensors of the backend.
    """
    with _read_as(model, values):
        return _called(model, inputs)


def keras3_loss(
    model: Any, values: Sequence[Any], x: Any, y: Any, sample_weight: Any
) -> Any:
    """The loss of a batch in evaluation, its variables at other values.

    With what layers add to it, and as the model's own `compute_loss` has it.

    Args:
        model: built and compiled.
        values: one for each of `model.variables`.
        x: tensors of the backend.
        y: the same, or None.
        sample_weight: the same, or None.
    """
    with _read_as(model, values):
        found = _called(model, x)
        return model._compute_loss(
            x=x, y=y, y_pred=found, sample_weight=sample_weight, training=False
        )


def keras3_gradient(function: Function, again: bool = False) -> Function:
    """A function that gives the gradients of another by its first argument.

    Args:
        function: f(values, *rest) -> a number.
        again: whether what it gives is differentiated once more.
    """
    backend = keras3_backend()
    if backend == "jax":
        import jax

        return jax.grad(function)
    return (_by_torch if backend == "torch" else _by_tensorflow)(function, again)


def keras3_no_gradients() -> contextlib.AbstractContextManager[Any]:
    """A context in which nothing is kept for gradients, where torch would keep it."""
    if keras3_backend() == "torch":
        import torch

        return torch.no_grad()
    return contextlib.nullcontext()


def keras3_traced(function: Function, model: Any) -> Function:
    """The function compiled for shapes that come again, where the backend compiles."""
    backend = keras3_backend()
    if model.run_eagerly or backend == "torch":
        return function
    if backend == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    traced: Function = tf.function(function, reduce_retracing=True)
    return traced


def _read_as(model: Any, values: Sequence[Any]) -> Any:
    pairs = list(zip(model.variables, values, strict=True))
    return keras3().StatelessScope(pairs, collect_losses=True)


def _called(model: Any, inputs: Any) -> Any:
    if model._call_has_training_arg:
        return model(inputs, training=False)
    return model(inputs)


def _by_tensorflow(function: Function, again: bool) -> Function:
    import tensorflow as tf

    def gradients(values: Sequence[Any], *rest: Any) -> list[Any]:
        values = [tf.convert_to_tensor(value) for value in values]
        with tf.GradientTape() as tape:
            tape.watch(values)
            target = function(values, *rest)
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(target, values, unconnected_gradients=zero)
        return [tf.convert_to_tensor(each) for each in found]

    return gradients


def _by_torch(function: Function, again: bool) -> Function:
    import torch

    def gradients(values: Sequence[Any], *rest: Any) -> list[Any]:
        with torch.enable_grad():
            values = [
                value if value.requires_grad else value.clone().requires_grad_()
                for value in values
            ]
            found = torch.autograd.grad(
                function(values, *rest), values, create_graph=again, allow_unused=True
            )
        pairs = zip(found, values, strict=True)
        return [torch.zeros_like(v) if g is None else g for g, v in pairs]

    return gradients
