"""Models that tf_keras trains. It is imported when something of it is asked for.

So is TensorFlow, which would import it.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

from lth_keras.compat.trainers.trainer import Trainer


def _file(name: str) -> Any:
    """A file of this room that needs tf_keras."""
    return importlib.import_module(f"lth_keras.compat.{name}")


class TfKerasTrainer(Trainer):
    """tf_keras, on TensorFlow."""

    name = said = "tf_keras"

    @property
    def keras(self) -> Any:
        return importlib.import_module("tf_keras")

    @property
    def bars(self) -> dict[str, Any]:
        return {"count_mode": "steps"}

    def is_built(self, model: Any) -> bool:
        return bool(_file("graphs").is_built(model))

    def has_call(self, model: Any) -> bool:
        return bool(_file("graphs").has_call(model))

    def check_devices(self, model: Any, batches: Callable[[], Any]) -> None:
        """Strategies are covered, but for those whose replicas are not in step."""
        _file("strategies").check(model)
        _file("strategies").check_batches(model, batches)

    def fixed_batch_size(self, model: Any) -> int | None:
        found: int | None = _file("fits").fixed_batch_size(model)
        return found

    def steps_per_execution(self, model: Any) -> int:
        return int(_file("fits").steps_per_execution(model))

    def trace(self, model: Any, shape: tuple[int, ...], dtype: Any) -> None:
        import tensorflow as tf

        call = tf.function(lambda inputs: model(inputs, training=False))
        call.get_concrete_function(tf.TensorSpec([None, *shape], dtype))

    def replicas(self, model: Any) -> int:
        return int(model.distribute_strategy.num_replicas_in_sync)

    def reset_generators(self, model: Any, seed: int) -> None:
        _file("generators").reset_generators(model, seed)

    def reset_states(self, model: Any) -> None:
        if model.stateful:
            model.reset_states()

    def constant(self, value: Any, dtype: Any) -> Any:
        import tensorflow as tf

        return tf.constant(value, dtype)

    def learning_rate(self, optimizer: Any) -> Any:
        return self.keras.backend.get_value(optimizer.learning_rate)

    def set_learning_rate(self, optimizer: Any, rate: Any) -> None:
        self.keras.backend.set_value(optimizer.learning_rate, rate)

    def learning_rate_schedule(self, optimizer: Any) -> Any:
        return _file("optimizers").learning_rate_schedule(optimizer)

    def start_at(self, epoch: int, step: int, steps: int | None) -> tuple[Any, Any]:
        return None, self.callback(_StartsAt)(epoch, step)

    def fitting(self, model: Any) -> contextlib.AbstractContextManager[None]:
        found: contextlib.AbstractContextManager[None]
        found = _file("unread_metrics").read_once_an_execution(model)
        return found

    def given(self, model: Any, data: Any) -> Any:
        whole = _file("whole_batches")
        unread = _file("unread_metrics").may_stay_unread(model)
        if unread and whole.may_stay_whole(model, data):
            return whole.WholeBatches(data)
        return data

    def clear_start(self, model: Any) -> None:
        _file("fits").clear_fit_start(model)

    def threads_and_devices(self) -> tuple[list[int], list[str]]:
        return of_tensorflow()


def of_tensorflow() -> tuple[list[int], list[str]]:
    """Thread counts and kinds of devices of TensorFlow."""
    import tensorflow as tf

    threading = tf.config.threading
    threads = [
        threading.get_intra_op_parallelism_threads(),
        threading.get_inter_op_parallelism_threads(),
    ]
    kinds = {d.device_type for d in tf.config.list_logical_devices()}
    return threads, sorted(kinds)


class _StartsAt:
    """Lets a `fit` begin at batch `step` of `epoch`, counters included."""

    model: Any

    def __init__(self, epoch: int, step: int):
        super().__init__()
        self._epoch, self._step = epoch, step

    def on_train_begin(self, logs: Any = None) -> None:
        _file("fits").start_fit_at(self.model, self._epoch, self._step)
