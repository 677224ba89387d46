"""Models that Keras 3 trains, on whatever backend it was started with."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from lth_keras.compat.keras3 import keras3
from lth_keras.compat.keras3_models import (
    keras3_backend,
    keras3_dtype,
    keras3_layers_within,
    keras3_replicas,
    keras3_seed_generators,
    keras3_sync,
)
from lth_keras.compat.keras3_optimizers import keras3_inner_optimizer
from lth_keras.compat.trainers.by_tf_keras import of_tensorflow
from lth_keras.compat.trainers.trainer import Trainer
from lth_keras.errors import LotteryError


class Keras3Trainer(Trainer):
    """Keras 3, on TensorFlow, JAX or torch."""

    name = "keras3"
    said = "Keras 3"
    counts_from_start = False
    cuts_executions = False
    tests_by_step = False
    takes_generators = True

    def __init__(self) -> None:
        self.backend = keras3_backend()

    @property
    def keras(self) -> Any:
        return keras3()

    @property
    def told(self) -> dict[str, str]:
        return {"keras": self.name, "backend": self.backend}

    @property
    def misfits(self) -> tuple[type[Exception], ...]:
        # torch raises RuntimeError for shapes that do not go together.
        return (*super().misfits, RuntimeError)

    def is_built(self, model: Any) -> bool:
        return bool(model.built)

    def has_call(self, model: Any) -> bool:
        keras = self.keras
        graph = isinstance(model, keras.Sequential) or hasattr(model, "_nodes_by_depth")
        return graph or type(model).call is not keras.Model.call

    def fixed_batch_size(self, model: Any) -> int | None:
        if isinstance(model, self.keras.Sequential) and not any(
            isinstance(layer, self.keras.layers.InputLayer)
            for layer in getattr(model, "_layers", ())
        ):
            return None
        try:
            given = self.keras.tree.flatten(model.inputs or ())
        except (AttributeError, ValueError):
            return None  # A class of the user's has none.
        sizes = [tensor.shape[0] for tensor in given]
        return next((int(size) for size in sizes if size is not None), None)

    def steps_per_execution(self, model: Any) -> int:
        return int(model.steps_per_execution)

    def shuffles(self, shuffle: Any) -> dict[str, Any]:
        # It warns that it does not shuffle what is in an order of ours.
        return {"shuffle": False}

    def check_devices(self, model: Any, batches: Callable[[], Any]) -> None:
        if (replicas := self.replicas(model)) > 1:
            raise LotteryError(
                f"the Keras 3 model {model.name!r} is on {replicas} devices, by "
                "tf.distribute or keras.distribution, which a search of Keras 3 models "
                "does not cover: build and compile it on one."
            )

    def trace(self, model: Any, shape: tuple[int, ...], dtype: Any) -> None:
        import tensorflow as tf

        name = tf.as_dtype(dtype).name
        model.compute_output_spec(self.keras.KerasTensor((None, *shape), dtype=name))

    def replicas(self, model: Any) -> int:
        across = self.keras.distribution.distribution()
        if across is not None:
            return int(np.prod(across.device_mesh.shape))
        return keras3_replicas(model)

    def reset_generators(self, model: Any, seed: int) -> None:
        """Sets the state of each generator from the seed and its place alone."""
        keras3_sync(model)
        sequence = np.random.SeedSequence(seed)
        for generator in keras3_seed_generators(model):
            (child,) = sequence.spawn(1)
            # Positive in the signed integers that some backends keep it in.
            drawn = int(child.generate_state(1)[0]) >> 1
            dtype = keras3_dtype(generator.state)
            generator.state.assign(np.array([drawn, 0], dtype))

    def reset_states(self, model: Any) -> None:
        for layer in keras3_layers_within(model):
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()

    def constant(self, value: Any, dtype: Any) -> Any:
        return self.keras.ops.convert_to_tensor(value, dtype)

    def learning_rate(self, optimizer: Any) -> Any:
        inner = keras3_inner_optimizer(optimizer)
        return np.array(self.keras.ops.convert_to_numpy(inner.learning_rate))

    def set_learning_rate(self, optimizer: Any, rate: Any) -> None:
        inner = keras3_inner_optimizer(optimizer)
        inner.learning_rate = rate

    def learning_rate_schedule(self, optimizer: Any) -> Any:
        inner = keras3_inner_optimizer(optimizer)
        rate = getattr(inner, "_learning_rate", None)
        known = self.keras.optimizers.schedules.LearningRateSchedule
        return rate if isinstance(rate, known) else None

    def start_at(self, epoch: int, step: int, steps: int | None) -> tuple[Any, Any]:
        last = self.callback(_EndsFirstEpoch)((steps or 0) - step)
        return self.callback(_GoesOn)(last), last

    def clear_start(self, model: Any) -> None:
        """Nothing to forget: the callbacks were of one `fit`."""

    def threads_and_devices(self) -> tuple[list[int], list[str]]:
        if self.backend == "jax":
            import jax

            # XLA takes a pool of as many threads as the process may use.
            usable = len(os.sched_getaffinity(0)) if _has_affinity() else os.cpu_count()
            return [usable or 1], sorted({d.platform.upper() for d in jax.devices()})
        if self.backend == "torch":
            import torch

            device = self.keras.ops.zeros(()).device.type
            return [torch.get_num_threads()], [str(device).upper()]
        return of_tensorflow()


def _has_affinity() -> bool:
    return hasattr(os, "sched_getaffinity")


class _EndsFirstEpoch:
    """Ends the first epoch of a `fit` after some batches; the data go on from there.

    Stands last, so that it knows whether another callback ended the training.
    """

    model: Any

    def __init__(self, steps: int):
        super().__init__()
        self._steps = steps
        self.cut = False
        self._done = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._done and batch + 1 >= self._steps:
            self._done = True
            self.cut = not self.model.stop_training
            self.model.stop_training = True


class _GoesOn:
    """Lets the epochs go on after the one that was cut; stands first.

    Args:
        last: the callback that cut it.
    """

    model: Any

    def __init__(self, last: _EndsFirstEpoch):
        super().__init__()
        self._last = last

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._last.cut:
            self._last.cut = False
            self.model.stop_training = False
