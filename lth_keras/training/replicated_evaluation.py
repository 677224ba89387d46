"""The test step of a model of a `tf.distribute` strategy, compiled once for all data.

`model.evaluate` would make a pipeline anew each time, which takes several times as long
as the step itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.training import replicated
from lth_keras.training.evaluation import CompiledTest


class ReplicatedTest(CompiledTest):
    """Evaluates on all replicas at a time; see `CompiledTest`.

    Metrics count every example once: each replica adds what it saw, and they are read
    together, after the last batch where that is all that a step returns.
    """

    def __init__(self, model: keras.Model):
        super().__init__(model)
        self._unread = compat.may_stay_unread(model)
        self._read: Any = None

    def placed(self, batch: Any) -> Any:
        return replicated.shared(self._model.distribute_strategy, batch)

    def read(self, logs: dict[str, Any]) -> dict[str, Any]:
        if not self._unread:
            return logs
        found: dict[str, Any] = self._read()
        return found

    def _compile(self) -> Any:
        model, step = self._model, self._one_replica()
        strategy = model.distribute_strategy

        def of_all(batch: Any) -> Any:
            with compat.unread(model) if self._unread else contextlib.nullcontext():
                return _of_first(strategy, step, batch)

        if model.run_eagerly:
            return of_all
        self._read = tf.function(lambda: _of_first(strategy, model.get_metrics_result))
        # A TPU's shapes are static: one trace for each size of a batch.
        static = isinstance(strategy, tf.distribute.TPUStrategy)
        return tf.function(of_all, reduce_retracing=not static)

    def _one_replica(self) -> Any:
        # Inlined, so that metrics may be read across replicas; XLA compiles it alone.
        if not self._model.jit_compile:
            return self._model.test_step
        return super()._one_replica()


def _of_first(strategy: Any, step: Callable[..., Any], *batch: Any) -> dict[str, Any]:
    """What a step returns on the first replica: all have the same metrics."""
    logs = strategy.run(step, args=batch)
    return {n: strategy.experimental_local_results(v)[0] for n, v in logs.items()}
