"""Evaluation in the middle of training, at the paper's cadence, at little cost.

`model.evaluate` builds its pipeline anew each time and resets the running training
metrics; here the data stay on the device, the test step is compiled once, and the
training metrics come back as they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError

# Large enough for the matrix units, small enough for a conv net's activations.
_CHUNK = 1000  # examples


class Evaluator:
    """Loss and metrics of a compiled model on fixed data.

    Args:
        model: a compiled model that has made at least one training step by the time
            of the first call.
        data: (x, y) or (x, y, sample_weight) of arrays, or a finite Dataset of such
            batches.
    """

    def __init__(self, model: keras.Model, data: Any):
        self._model = model
        self._step: Any = None
        self._cleared: list[np.ndarray] | None = None
        if isinstance(data, tf.data.Dataset):
            if data.cardinality() == tf.data.INFINITE_CARDINALITY:
                raise LotteryError(
                    "the Dataset to evaluate on has no end: give one pass over the "
                    "data, such as dataset.take(n)."
                )
            self._batches: Any = data
            return
        if not isinstance(data, (tuple, list)) or not 2 <= len(data) <= 3:
            raise LotteryError(
                "give (x, y) or (x, y, sample_weight) of arrays, or a Dataset of such "
                f"batches to evaluate on; got {_said(data)}."
            )
        self._arrays = tuple(value for value in data if value is not None)
        self._batches = _chunks(self._arrays)

    def __call__(self) -> dict[str, float]:
        """Loss and every metric by name, averaged over the examples."""
        kept = [(v, v.numpy()) for v in self._metric_variables()]
        try:
            return self._evaluate()
        finally:
            for variable, value in kept:
                variable.assign(value)

    def _evaluate(self) -> dict[str, float]:
        if self._model.distribute_strategy.num_replicas_in_sync > 1:
            logs = self._by_keras()
        else:
            self._clear_metrics()
            logs = {}
            step = self._compiled_step()
            for batch in self._batches:
                logs = step(batch)
        return {
            name: float(value) for name, value in logs.items() if np.ndim(value) == 0
        }

    def _by_keras(self) -> dict[str, Any]:
        if isinstance(self._batches, tf.data.Dataset):
            return self._model.evaluate(self._batches, verbose=0, return_dict=True)
        x, y, weight = (*self._arrays, None, None)[:3]
        return self._model.evaluate(
            x, y, sample_weight=weight, batch_size=_CHUNK, verbose=0, return_dict=True
        )

    def _clear_metrics(self) -> None:
        if self._cleared is None:
            self._model.reset_metrics()
            self._cleared = [v.numpy() for v in self._metric_variables()]
            return
        for variable, value in zip(
            self._metric_variables(), self._cleared, strict=True
        ):
            variable.assign(value)

    def _metric_variables(self) -> list[Any]:
        return [v for metric in self._model.metrics for v in metric.variables]

    def _compiled_step(self) -> Any:
        if self._model.run_eagerly:
            return self._model.test_step
        if self._step is None:
            self._step = tf.function(
                self._model.test_step,
                jit_compile=bool(self._model.jit_compile) or None,
                reduce_retracing=True,
            )
        return self._step


def _said(data: Any) -> str:
    kind = type(data).__name__
    return f"a {kind} of {len(data)}" if isinstance(data, (tuple, list)) else kind


def _chunks(arrays: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    tensors = tf.nest.map_structure(tf.convert_to_tensor, arrays)
    sizes = {int(t.shape[0]) if t.shape.rank else 0 for t in tf.nest.flatten(tensors)}
    if len(sizes) > 1 or not max(sizes, default=0):
        raise LotteryError(
            "the data to evaluate on have "
            f"{' and '.join(map(str, sorted(sizes)))} examples: give arrays of "
            "equally many, at least 1."
        )
    (size,) = sizes
    return [
        tf.nest.map_structure(lambda t, i=i: t[i : i + _CHUNK], tensors)
        for i in range(0, size, _CHUNK)
    ]
