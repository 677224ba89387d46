"""What a search's arguments and data must be, asked before anything is trained.

Each refusal is one line that names the argument, its value and what is allowed.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import feeds


def check_fit_arguments(arguments: dict[str, Any]) -> None:
    """Refuses what `model.fit` does not take.

    Raises:
        LotteryError: names the arguments.
    """
    known = set(inspect.signature(keras.Model.fit).parameters)
    unknown = sorted(set(arguments) - known)
    if unknown:
        raise LotteryError(
            f"fit does not take {', '.join(unknown)}: it takes model.fit's arguments, "
            "test_data, train_data and evaluate_every."
        )


def split(
    x: Any, y: Any, sample_weight: Any, validation_data: Any, fraction: float
) -> tuple[Any, Any, Any, Any]:
    """Keras's validation_split: the last share of the arrays, before shuffling.

    Returns:
        x, y and sample_weight to train on, and the validation data.

    Raises:
        LotteryError: the share is out of range, x is not of arrays, or there are
            validation data already.
    """
    if validation_data is not None:
        raise LotteryError("give validation_data or validation_split, not both.")
    if not 0.0 < fraction < 1.0:
        raise LotteryError(
            f"validation_split={fraction!r}: give a share above 0 and below 1."
        )
    if not feeds.is_arrays(x):
        raise LotteryError(
            f"validation_split={fraction!r} goes with arrays: pass validation_data."
        )
    size = len(tf.nest.flatten(x)[0])
    end = int(size * (1.0 - fraction))
    if not 0 < end < size:
        raise LotteryError(
            f"validation_split={fraction!r} of {size} examples leaves one side empty."
        )

    def part(value: Any, chosen: slice) -> Any:
        if value is None:
            return None
        return tf.nest.map_structure(lambda array: array[chosen], value)

    given = (x, y, sample_weight)
    held = tuple(part(v, slice(end, None)) for v in given if v is not None)
    x, y, sample_weight = (part(v, slice(end)) for v in given)
    return x, y, sample_weight, held


def check_data(model: keras.Model, name: str, x: Any, y: Any) -> None:
    """Refuses arrays that do not fit a model of one input and one output.

    A label past the last class gives NaN without an error; inputs of another shape
    a long one from inside Keras.

    Args:
        model: a built, compiled model.
        name: what the data are, for the error.
        x: the inputs.
        y: the targets.

    Raises:
        LotteryError: says what was given and what the model takes.
    """
    if not (_is_array(x) and isinstance(model.input_shape, tuple)):
        return
    _check_inputs(model, name, x)
    if _is_array(y) and isinstance(model.output_shape, tuple):
        _check_targets(model, name, y)


def try_batch(model: keras.Model, batch: Any) -> None:
    """Computes loss and metrics of a batch once, outside of any compiled function.

    What does not fit shows before anything is stored. And the metrics get their
    variables, without which the first train step would be traced twice.

    Args:
        model: a built, compiled model.
        batch: (x, y) or (x, y, sample_weight), or x alone.

    Raises:
        LotteryError: the batch does not fit the model, its loss or its metrics.
    """
    batch = tf.nest.map_structure(tf.convert_to_tensor, batch)
    _, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    if y is None and model.loss:
        raise LotteryError(
            "the training data have no targets, and the model was compiled with a "
            "loss: give y, or batches of (x, y)."
        )
    try:
        if model.distribute_strategy.num_replicas_in_sync > 1:
            model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0)
        else:
            model.test_step(batch)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        # TensorFlow puts the place before the reason, Keras pages of them.
        lines = re.sub(r"\{\{.*?\}\}", "", str(error)).strip().splitlines()
        reason = lines[-1].strip() if lines else type(error).__name__
        raise LotteryError(
            f"the training data do not fit the model, its loss or its metrics: {reason}"
        ) from error
    finally:
        model.reset_metrics()
        if model.stateful:
            model.reset_states()


def _check_inputs(model: keras.Model, name: str, x: Any) -> None:
    given, wanted = tuple(x.shape[1:]), tuple(model.input_shape[1:])
    if len(given) == len(wanted) and all(
        w is None or g == w for g, w in zip(given, wanted, strict=True)
    ):
        return
    # Some models take more than the shape they were declared with.
    call = tf.function(lambda inputs: model(inputs, training=False))
    try:
        call.get_concrete_function(tf.TensorSpec([None, *given], x.dtype))
    except (TypeError, ValueError):
        raise LotteryError(
            f"{name}: x has examples of shape {given}, the model takes {wanted}: "
            "reshape the data or build the model for them."
        ) from None


def _check_targets(model: keras.Model, name: str, y: Any) -> None:
    given, output = tuple(y.shape[1:]), tuple(model.output_shape[1:])
    loss = _loss_name(model.loss)
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
    if labels.size and classes is not None:
        low, high = labels.min(), labels.max()
        if not (low >= 0 and high < classes):
            raise LotteryError(
                f"{name}: y has labels from {low} to {high}, the model's output has "
                f"{classes} classes: give labels from 0 to {classes - 1}."
            )


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, tf.Tensor)) and len(value.shape) > 0


def _loss_name(loss: Any) -> str:
    """The loss's name in small letters alone; "" for any that passes over labels."""
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        if loss.get_config().get("ignore_class") is not None:
            return ""
    if isinstance(loss, keras.losses.Loss):
        loss = type(loss).__name__
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return name.replace("_", "").lower()
