"""The test step of a model of a `tf.distribute` strategy, compiled once for all data.

`model.evaluate` would make a pipeline anew each time, which takes several times as long
as the step itself.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lth_keras.training import replicated
from lth_keras.training.evaluation import CompiledTest


class ReplicatedTest(CompiledTest):
    """Evaluates on all replicas at a time; see `CompiledTest`.

    Metrics count every example once: each replica adds what it saw, and they are read
    together.
    """

    def placed(self, batch: Any) -> Any:
        return replicated.shared(self._model.distribute_strategy, batch)

    def _compile(self) -> Any:
        strategy, step = self._model.distribute_strategy, self._one_replica()

        def of_all(batch: Any) -> Any:
            logs = strategy.run(step, args=(batch,))
            # All replicas have the same metrics.
            return {
                name: strategy.experimental_local_results(value)[0]
                for name, value in logs.items()
            }

        if self._model.run_eagerly:
            return of_all
        # A TPU's shapes are static: one trace for each size of a batch.
        static = isinstance(strategy, tf.distribute.TPUStrategy)
        return tf.function(of_all, reduce_retracing=not static)

    def _one_replica(self) -> Any:
        # Inlined, so that metrics may be read across replicas; XLA compiles it alone.
        if not self._model.jit_compile:
            return self._model.test_step
        return super()._one_replica()
