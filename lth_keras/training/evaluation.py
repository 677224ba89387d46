"""Evaluation in the middle of training, at the paper's cadence, at little cost.

`model.evaluate` builds its pipeline anew each time and resets the running training
metrics; here the data stay on the device, the test step is compiled once, and the
training metrics come back as they were.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.training import composites, evaluation_batches, examples, replicated
from lth_keras.training.evaluation_batches import BatchRule

_READ = 100  # examples of a batch of a Dataset of which the first alone are read


class CompiledTest:
    """The model's test step, compiled once for all data that it is evaluated on.

    Args:
        model: a compiled model.
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._compiled: Any = None
        self._forgotten = 0

    def placed(self, batch: Any) -> Any:
        """A batch as the step takes it."""
        return batch

    def __call__(self, batch: Any) -> dict[str, Any]:
        """Adds a batch to the metrics, and returns them by name; `read` has them."""
        if self._model.run_eagerly:
            eager: dict[str, Any] = self._compile()(batch)
            return eager
        forgotten = compat.traces_forgotten(self._model)
        if self._compiled is None or self._forgotten != forgotten:
            self._forgotten = forgotten
            self._compiled = self._compile()
        found: dict[str, Any] = self._compiled(batch)
        return found

    def read(self, logs: dict[str, Any]) -> dict[str, Any]:
        """The metrics by name.

        Args:
            logs: what the step returned for the last batch.
        """
        return logs

    def _compile(self) -> Any:
        return self._one_replica()

    def _one_replica(self) -> Any:
        """The test step, compiled where the model is not run eagerly."""
        if self._model.run_eagerly:
            return self._model.test_step
        return tf.function(
            self._model.test_step,
            jit_compile=bool(self._model.jit_compile) or None,
            reduce_retracing=True,
        )


class Evaluator:
    """Loss and metrics of a compiled model on fixed data.

    Args:
        model: a compiled model.
        data: (x, y) or (x, y, sample_weight) of arrays, or a finite Dataset of such
            batches.
        rule: in what batches arrays are evaluated; `fit`'s default where there is none.
        step: what other evaluators of the model use too; its own by default.
    """

    def __init__(
        self,
        model: keras.Model,
        data: Any,
        rule: BatchRule | None = None,
        step: Any = None,
    ):
        self._model = model
        self._step: Any = step or CompiledTest(model)
        # What reads the metrics of a step that does not do it itself.
        self._read: Any = None
        self._cleared: list[np.ndarray] | None = None
        if isinstance(data, tf.data.Dataset):
            if data.cardinality() == tf.data.INFINITE_CARDINALITY:
                raise LotteryError(
                    "the Dataset to evaluate on has no end: give one pass over the "
                    "data, such as dataset.take(n)."
                )
            self._batches: Any = data
            return
        if examples.is_array(data) and not model.loss:
            data = (data,)  # What a test_step of the caller's makes its loss of.
        elif not isinstance(data, (tuple, list)) or not 2 <= len(data) <= 3:
            raise LotteryError(
                "give (x, y) or (x, y, sample_weight) of arrays, or a Dataset of such "
                f"batches to evaluate on; got {_said(data)}."
            )
        self._arrays = _tensors(data)
        self._size = (rule or BatchRule(model)).size(self._arrays)
        self._cut()

    def _cut(self) -> None:
        cut = evaluation_batches.cut(self._arrays, self._size)
        self._batches = [self._step.placed(examples.packed(batch)) for batch in cut]

    def limited(self, most: int | None) -> Evaluator:
        """The same on the first examples alone; None for all.

        Those of a Dataset are read once, and kept.
        """
        if most is None:
            return self
        other = copy.copy(self)
        if isinstance(self._batches, tf.data.Dataset):
            first = self._batches.unbatch().take(most)
            other._batches = first.batch(_READ).cache()
            return other
        other._arrays = tf.nest.map_structure(
            lambda t: composites.part(t, 0, most), self._arrays
        )
        other._cut()
        return other

    def through(self, step: Any, batches: Sequence[Any]) -> Evaluator:
        """The same metrics by another step, f(batch) -> metrics, on its own batches."""
        other = copy.copy(self)
        other._step, other._read, other._batches = step, dict, batches
        return other

    @property
    def arrays(self) -> tuple[Any, ...] | None:
        """(x, y) or (x, y, sample_weight) as tensors; None for a Dataset."""
        return None if isinstance(self._batches, tf.data.Dataset) else self._arrays

    @property
    def examples(self) -> int | None:
        """How many there are; None for a Dataset, which does not say so."""
        found = self.arrays
        return None if found is None else composites.length(tf.nest.flatten(found)[0])

    def __call__(self) -> dict[str, float]:
        """Loss and every metric by name, averaged over the examples.

        A stateful recurrent layer goes on from where training left it, as in `fit`,
        and training then from there too, however often it is evaluated in between.
        """
        variables = self._metric_variables()
        variables += replicated.copies(self._model, _recurrent_states(self._model))
        kept = [(v, v.numpy()) for v in variables]
        try:
            return self._evaluate()
        finally:
            for variable, value in kept:
                variable.assign(value)

    def _evaluate(self) -> dict[str, float]:
        self._clear_metrics()
        batches: Any = self._batches
        if isinstance(batches, tf.data.Dataset):
            batches = map(self._step.placed, batches)
        logs = None
        for batch in batches:
            logs = self._step(batch)
        read = self._read or self._step.read
        found = {} if logs is None else read(logs)
        return {
            name: float(value) for name, value in found.items() if np.ndim(value) == 0
        }

    def _clear_metrics(self) -> None:
        variables = self._metric_variables()
        # The first step of a model makes those of its metrics.
        if self._cleared is None or len(self._cleared) != len(variables):
            self._model.reset_metrics()
            self._cleared = [v.numpy() for v in variables]
            return
        for variable, value in zip(variables, self._cleared, strict=True):
            variable.assign(value)

    def _metric_variables(self) -> list[Any]:
        found = [v for metric in self._model.metrics for v in metric.variables]
        return replicated.copies(self._model, found)


def _said(data: Any) -> str:
    kind = type(data).__name__
    return f"a {kind} of {len(data)}" if isinstance(data, (tuple, list)) else kind


def _tensors(data: Any) -> tuple[Any, ...]:
    x, y, weight = (*data, None, None)[:3]
    names = ("x", "y", "sample_weight")
    given = dict(zip(names, examples.taken(x, y, weight), strict=True))
    for name, value in given.items():
        if value is not None:
            examples.require_arrays(name, value)
    found = tuple(examples.tensors(v) for v in given.values() if v is not None)
    sizes = {composites.length(t) for t in tf.nest.flatten(found)}
    if len(sizes) > 1 or not max(sizes, default=0):
        raise LotteryError(
            "the data to evaluate on have "
            f"{' and '.join(map(str, sorted(sizes)))} examples: give arrays of "
            "equally many, at least 1."
        )
    return found


def _recurrent_states(model: keras.Model) -> list[Any]:
    """The variables in which stateful recurrent layers keep their states."""
    if not model.stateful:
        return []
    layers = [x for x in compat.layers_within(model) if getattr(x, "stateful", False)]
    states = tf.nest.flatten([getattr(layer, "states", ()) for layer in layers])
    return [state for state in states if isinstance(state, tf.Variable)]
