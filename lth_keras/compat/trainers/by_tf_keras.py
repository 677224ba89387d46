"""Models that tf_keras trains."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from lth_keras.compat import fits, generators, graphs, optimizers
from lth_keras.compat.trainers.trainer import Trainer


class TfKerasTrainer(Trainer):
    """tf_keras, on TensorFlow."""

    name = said = "tf_keras"
    keras = keras

    @property
    def bars(self) -> dict[str, Any]:
        return {"count_mode": "steps"}

    def is_built(self, model: Any) -> bool:
        return graphs.is_built(model)

    def has_call(self, model: Any) -> bool:
        return graphs.has_call(model)

    def check_alone(self, model: Any) -> None:
        """Strategies are covered."""

    def fixed_batch_size(self, model: Any) -> int | None:
        return fits.fixed_batch_size(model)

    def steps_per_execution(self, model: Any) -> int:
        return fits.steps_per_execution(model)

    def trace(self, model: Any, shape: tuple[int, ...], dtype: Any) -> None:
        call = tf.function(lambda inputs: model(inputs, training=False))
        call.get_concrete_function(tf.TensorSpec([None, *shape], dtype))

    def replicas(self, model: Any) -> int:
        return int(model.distribute_strategy.num_replicas_in_sync)

    def reset_generators(self, model: Any, seed: int) -> None:
        generators.reset_generators(model, seed)

    def reset_states(self, model: Any) -> None:
        if model.stateful:
            model.reset_states()

    def constant(self, value: Any, dtype: Any) -> Any:
        return tf.constant(value, dtype)

    def learning_rate(self, optimizer: Any) -> Any:
        return keras.backend.get_value(optimizer.learning_rate)

    def set_learning_rate(self, optimizer: Any, rate: Any) -> None:
        keras.backend.set_value(optimizer.learning_rate, rate)

    def learning_rate_schedule(self, optimizer: Any) -> Any:
        return optimizers.learning_rate_schedule(optimizer)

    def start_at(self, epoch: int, step: int, steps: int | None) -> tuple[Any, Any]:
        return None, self.callback(_StartsAt)(epoch, step)

    def clear_start(self, model: Any) -> None:
        fits.clear_fit_start(model)

    def threads_and_devices(self) -> tuple[list[int], list[str]]:
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
        fits.start_fit_at(self.model, self._epoch, self._step)
