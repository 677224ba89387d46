"""Evaluation of a Keras 3 model in the middle of its training, on every backend.

As `evaluation`: the data stay where the backend computes, the test step is compiled
once, and nothing of the model is changed. On JAX the state of a running `fit` is
brought into the model first; the test step takes it and gives none back.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.training.evaluation import Evaluator
from lth_keras.training.evaluation_batches import BatchRule

Batches = Iterable[Any]


class Keras3Test(abc.ABC):
    """The test step of a Keras 3 model, for all data that it is evaluated on.

    Args:
        model: a compiled model whose metrics are built.
    """

    def __init__(self, model: Any):
        self._model = model
        self._compiled: Any = None
        self._made_for: Any = None
        self._cleared: list[np.ndarray] | None = None

    def placed(self, batch: Any) -> Any:
        """A batch as the backend holds it."""
        keras = compat.keras3()
        return keras.tree.map_structure(
            lambda a: None if a is None else keras.ops.convert_to_tensor(np.asarray(a)),
            batch,
        )

    @abc.abstractmethod
    def __call__(self, batches: Batches) -> dict[str, Any]:
        """Loss and metrics over the batches; the model stays as it is."""

    def _step(self) -> Any:
        """The test step, compiled; anew where the model was compiled again."""
        # A `compile` makes metrics of its own, and `hold` forgets what was traced.
        made_for = tuple(map(id, self._model.metrics_variables))
        if self._compiled is None or made_for != self._made_for:
            self._made_for, self._cleared = made_for, None
            self._compiled = self._compile()
        return self._compiled

    @abc.abstractmethod
    def _compile(self) -> Any:
        """The test step as a function."""

    def _states(self) -> list[Any]:
        """What a test step may write beside the metrics: seeds, recurrent states."""
        network = {id(v) for v in self._model.weights}
        given = self._model.non_trainable_variables
        states = [v for v in given if id(v) not in network or v.name == "rnn_state"]
        return [*self._model.metrics_variables, *states]


class _Stateful(Keras3Test):
    """Writes the model's own metrics, and puts them back."""

    def __call__(self, batches: Batches) -> dict[str, Any]:
        step, keras = self._step(), compat.keras3()
        kept = [(v, keras.ops.copy(v.value)) for v in self._states()]
        try:
            self._model.reset_metrics()
            logs = {}
            for batch in batches:
                logs = step(batch)
            return logs
        finally:
            for variable, value in kept:
                variable.assign(value)


class _OnTensorFlow(_Stateful):
    def _compile(self) -> Any:
        if self._model.run_eagerly:
            return self._model.test_step
        return tf.function(
            self._model.test_step,
            jit_compile=bool(self._model.jit_compile) or None,
            reduce_retracing=True,
        )


class _OnTorch(_Stateful):
    def __call__(self, batches: Batches) -> dict[str, Any]:
        import torch

        training = self._model.training
        self._model.eval()
        try:
            with torch.no_grad():
                return super().__call__(batches)
        finally:
            self._model.train(training)

    def _compile(self) -> Any:
        return self._model.test_step


class _OnJax(Keras3Test):
    def __call__(self, batches: Batches) -> dict[str, Any]:
        model, step = self._model, self._step()
        model.jax_state_sync()
        state = (
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
            self._clear_metrics(),
        )
        logs = {}
        for batch in batches:
            logs, state = step(state, batch)
        return logs

    def _clear_metrics(self) -> list[Any]:
        if self._cleared is None:
            variables = self._model.metrics_variables
            kept = [np.array(v.value) for v in variables]
            self._model.reset_metrics()
            self._cleared = [np.array(v.value) for v in variables]
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(value)
        convert = compat.keras3().ops.convert_to_tensor
        return [convert(value) for value in self._cleared]

    def _compile(self) -> Any:
        model = self._model
        if model.run_eagerly or not model.jit_compile:
            return model.test_step
        import jax

        return jax.jit(model.test_step)


_TESTS: dict[str, Any] = {"tensorflow": _OnTensorFlow, "jax": _OnJax, "torch": _OnTorch}


def step_of(model: Any) -> Keras3Test:
    """The test step of a model, on the backend that it is on."""
    made: Keras3Test = _TESTS[compat.trainer_of(model).backend](model)
    return made


class Keras3Evaluator(Evaluator):
    """Loss and metrics of a compiled Keras 3 model on fixed data; see `Evaluator`."""

    def __init__(
        self,
        model: Any,
        data: Any,
        rule: BatchRule | None = None,
        step: Keras3Test | None = None,
    ):
        super().__init__(model, data, rule, step or step_of(model))

    def __call__(self) -> dict[str, float]:
        """Loss and every metric by name, averaged over the examples."""
        batches: Any = self._batches
        if isinstance(batches, tf.data.Dataset):
            batches = map(self._step.placed, batches)
        convert = compat.keras3().ops.convert_to_numpy
        found = {n: convert(value) for n, value in self._step(batches).items()}
        return {n: float(value) for n, value in found.items() if np.ndim(value) == 0}
