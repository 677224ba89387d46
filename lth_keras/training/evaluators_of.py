"""The evaluator of a model: that of the Keras which trains it."""

from __future__ import annotations

from typing import Any

from lth_keras import compat
from lth_keras.training import keras3_evaluation, replicated
from lth_keras.training.evaluation import CompiledTest, Evaluator
from lth_keras.training.evaluation_batches import BatchRule
from lth_keras.training.replicated_evaluation import ReplicatedTest


def step_of(model: Any) -> Any:
    """The test step that all evaluators of a model share."""
    if compat.is_keras3(model):
        return keras3_evaluation.step_of(model)
    if replicated.is_replicated(model):
        return ReplicatedTest(model)
    return CompiledTest(model)


def evaluator_of(
    model: Any, data: Any, rule: BatchRule | None = None, step: Any = None
) -> Evaluator:
    """Loss and metrics of a model on fixed data.

    Args:
        model: a compiled model.
        data: as `Evaluator` takes them.
        rule: as `Evaluator` takes it.
        step: what `step_of` gave, where several evaluators share it.

    Raises:
        LotteryError: the data cannot be evaluated on.
    """
    if compat.is_keras3(model):
        return keras3_evaluation.Keras3Evaluator(model, data, rule, step)
    return Evaluator(model, data, rule, step or step_of(model))
