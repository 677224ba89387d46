"""What a compiled model and a running `fit` know of themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import tf_keras as keras
from tf_keras.src import backend as _backend
from tf_keras.src.engine import data_adapter as _data_adapter
from tf_keras.src.engine import training_utils as _training_utils


@contextlib.contextmanager
def as_compiled(model: keras.Model) -> Iterator[None]:
    """Lets every `trainable` be what it was when the model was compiled.

    That decides what `fit` trains: the discriminator of a GAN is frozen after it was
    compiled, and trains all the same.
    """
    state = getattr(model, "_compiled_trainable_state", None)
    if not state:
        yield
        return
    with _training_utils.RespectCompiledTrainableState(model):
        yield


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """The arguments that the model was compiled with, as they were given."""
    return dict(model._compile_config.config)


def steps_per_execution(model: keras.Model) -> int:
    """Training steps that a compiled model makes between two callbacks."""
    return int(_backend.get_value(model._steps_per_execution))


def fixed_batch_size(model: keras.Model) -> int | None:
    """The batch size that a model was declared with, None where any goes.

    A Sequential that nobody told its input shape keeps the one it saw first, and
    takes others all the same.
    """
    if isinstance(model, keras.Sequential) and not model._has_explicit_input_shape:
        return None
    sizes = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or ()]
    return next((int(size) for size in sizes if size is not None), None)


def weighting_by_class(class_weight: dict[int, float]) -> Callable[..., Any]:
    """What `fit` does to batches: (x, y[, sample_weight]) -> (x, y, sample_weight).

    Raises:
        ValueError: the classes are not numbered from 0 on.
    """
    return _data_adapter._make_class_weight_map_fn(class_weight)


def start_fit_at(model: keras.Model, epoch: int, step: int) -> None:
    """Lets a `fit` that has just begun count from `step` of `epoch`.

    Keras has this for recovering workers: the first epoch is shortened and both
    counters are right, which `initial_epoch` alone cannot do in mid-epoch. The data
    given to `fit` must begin at that step too.
    """
    model._training_state = _StartAt(model, epoch, step)


def clear_fit_start(model: keras.Model) -> None:
    """Forgets `start_fit_at` where a `fit` ended before it asked."""
    # Keras's BackupAndRestore deletes the attribute, and `fit` without it fails then.
    if isinstance(getattr(model, "_training_state", None), (_StartAt, type(None))):
        model._training_state = None


class _StartAt:
    """Answers Keras's question where a recovering worker should continue."""

    def __init__(self, model: keras.Model, epoch: int, step: int):
        self._model, self._epoch, self._step = model, epoch, step

    def maybe_load_initial_counters_from_ckpt(
        self, steps_per_epoch: int, initial_epoch: int, mode: Any = None
    ) -> tuple[int, int]:
        self._model._training_state = None
        return self._epoch, self._step
