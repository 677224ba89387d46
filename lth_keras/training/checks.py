"""What a search's data must be for its model, asked before anything is trained.

Each refusal is one line that names the argument, its value and what is allowed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.training import examples


def check_kinds(model: Any, name: str, x: Any, y: Any) -> None:
    """Refuses kinds of numbers that Keras would cast without a word, and text labels.

    Complex numbers lose their imaginary parts in layers and losses of real ones.

    Args:
        model: a built, compiled model.
        name: what the data are, for the error.
        x: the inputs, or the specification of their tensors.
        y: the targets likewise, or None.

    Raises:
        LotteryError: says what was given and what to give.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    for part, data, wanted in (("x", x, inputs), ("y", y, outputs)):
        if not wanted or any(tf.as_dtype(t.dtype).is_complex for t in wanted):
            continue
        if part == "y" and not _of_keras(model.loss):
            continue
        found = {_dtype(leaf) for leaf in tf.nest.flatten(data)} - {None}
        for dtype in sorted(found, key=str):
            if dtype.is_complex:
                raise LotteryError(
                    f"{name}: {part} holds complex numbers ({dtype.name}), the model "
                    "takes real ones: give real and imaginary parts as two features, "
                    "or declare a complex Input."
                )
            if part == "y" and dtype == tf.string:
                raise LotteryError(
                    f"{name}: y holds text, the loss takes numbers: give class "
                    "numbers, such as np.unique(y, return_inverse=True)[1]."
                )


def check_data(model: Any, name: str, x: Any, y: Any) -> None:
    """Refuses arrays that do not fit a model: its input, and each of its outputs.

    A label past the last class gives NaN without an error, one that is no whole number
    is cut to one; inputs of another shape give a long error from inside Keras.

    Args:
        model: a built, compiled model.
        name: what the data are, for the error.
        x: the inputs.
        y: the targets.

    Raises:
        LotteryError: says what was given and what the model takes.
    """
    if _is_array(x) and isinstance(_shape(model, "input_shape"), tuple):
        _check_inputs(model, name, x)
    for targets, output, loss in _outputs(model, y):
        if _is_array(targets) and isinstance(output, tuple):
            _check_targets(name, targets, output, loss)


def try_batch(model: Any, batch: Any) -> None:
    """Computes loss and metrics of a batch once, outside of any compiled function.

    What does not fit shows before anything is stored. And the metrics get their
    variables, without which the first train step would be traced twice.

    Args:
        model: a built, compiled model.
        batch: (x, y) or (x, y, sample_weight), or x alone.

    Raises:
        LotteryError: the batch does not fit the model, its loss or its metrics.
    """
    trainer = compat.trainer_of(model)
    if not trainer.can_test(model):
        return  # Several networks and a train_step, as a GAN.
    batch = examples.tensors(batch)
    _, y, _ = trainer.keras.utils.unpack_x_y_sample_weight(batch)
    if y is None and model.loss:
        raise LotteryError(
            "the training data have no targets, and the model was compiled with a "
            "loss: give y, or batches of (x, y)."
        )
    try:
        if trainer.replicas(model) > 1 or not trainer.tests_by_step:
            model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0)
        else:
            model.test_step(batch)
    except trainer.misfits as error:
        if trainer.has_own_training(model) and not trainer.has_own_test(model):
            return  # Its call and its loss need not fit what its train_step is given.
        # TensorFlow puts the place before the reason, Keras pages of them.
        lines = re.sub(r"\{\{.*?\}\}", "", str(error)).strip().splitlines()
        reason = lines[-1].strip() if lines else type(error).__name__
        raise LotteryError(
            f"the training data do not fit the model, its loss or its metrics: {reason}"
        ) from error
    finally:
        model.reset_metrics()
        trainer.reset_states(model)


def _check_inputs(model: Any, name: str, x: Any) -> None:
    given, wanted = tuple(x.shape[1:]), tuple(model.input_shape[1:])
    if len(given) == len(wanted) and all(
        w is None or g == w for g, w in zip(given, wanted, strict=True)
    ):
        return
    # Some models take more than the shape they were declared with.
    try:
        compat.trainer_of(model).trace(model, given, x.dtype)
    except (TypeError, ValueError):
        raise LotteryError(
            f"{name}: x has examples of shape {given}, the model takes {wanted}: "
            "reshape the data or build the model for them."
        ) from None


def _outputs(model: Any, y: Any) -> list[tuple[Any, Any, Any]]:
    """(targets, shape, loss) of each output whose targets and loss can be told."""
    shapes, loss = _shape(model, "output_shape"), model.loss
    if shapes is None:
        return []
    if isinstance(shapes, tuple):
        return [(y, shapes, loss)]
    named = shapes
    if not isinstance(shapes, dict):
        named = dict(zip(model.output_names, shapes, strict=False))
        if isinstance(y, (list, tuple)):
            y = dict(zip(named, y, strict=False))
        if isinstance(loss, (list, tuple)):
            loss = dict(zip(named, loss, strict=False))
    if not isinstance(y, dict):
        return []
    losses = loss if isinstance(loss, dict) else dict.fromkeys(named, loss)
    return [(y[n], named[n], losses[n]) for n in named if n in y and n in losses]


def _check_targets(name: str, y: Any, output_shape: Any, loss_given: Any) -> None:
    given, output = tuple(y.shape[1:]), tuple(output_shape[1:])
    loss = _loss_name(loss_given)
    if loss == "categoricalcrossentropy" and given != output and None not in output:
        raise LotteryError(
            f"{name}: y has targets of shape {given}, the model's output and "
            f"categorical crossentropy take {output}: one-hot labels, or for whole "
            "numbers the sparse loss."
        )
    if loss != "sparsecategoricalcrossentropy" or not output:
        return
    if given not in (output[:-1], (*output[:-1], 1)) and None not in output:
        raise LotteryError(
            f"{name}: y has labels of shape {given}, the model's output of shape "
            f"{output} and the sparse loss take {output[:-1]}."
        )
    labels, classes = np.asarray(y), output[-1]
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.floor(labels)):
        wrong = labels[labels != np.floor(labels)].flat[0]
        raise LotteryError(
            f"{name}: y has labels such as {wrong:g}, and the sparse loss takes whole "
            "numbers: give class numbers, or another loss."
        )
    if labels.size and classes is not None:
        low, high = labels.min(), labels.max()
        if not (low >= 0 and high < classes):
            raise LotteryError(
                f"{name}: y has labels from {low} to {high}, the model's output has "
                f"{classes} classes: give labels from 0 to {classes - 1}."
            )


def _shape(model: Any, name: str) -> Any:
    """What a graph model says of its inputs or outputs; None of one that is written."""
    try:
        return getattr(model, name)
    except (AttributeError, RuntimeError):
        return None


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, tf.Tensor)) and len(value.shape) > 0


def _dtype(leaf: Any) -> Any:
    dtype = getattr(leaf, "dtype", None)
    try:
        return None if dtype is None else tf.as_dtype(dtype)
    except TypeError:
        return None


def _of_keras(loss: Any) -> bool:
    """Whether every loss is one of Keras's, which compute with numbers."""
    given = [one for one in tf.nest.flatten(loss) if one is not None]
    return bool(given) and all(
        isinstance(one, str)
        or (getattr(one, "__module__", None) or "").startswith(("tf_keras.", "keras."))
        for one in given
    )


def _loss_name(loss: Any) -> str:
    """The loss's name in small letters alone; "" for any that passes over labels."""
    if compat.is_loss(loss, "SparseCategoricalCrossentropy"):
        if loss.get_config().get("ignore_class") is not None:
            return ""
    if compat.is_loss(loss):
        loss = type(loss).__name__
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return name.replace("_", "").lower()
