"""The learning rate of a run: another one's last, or its own times a factor.

Only within a block: the model's optimizer has its own rate back after it. The classes
have no base of Keras's: `trainer.schedule(Held)` is a model's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from lth_keras import compat


class Held:
    """What another schedule gives at one step, at every step.

    Args:
        schedule: the other one.
        step: its step, from 0.
        constant: f(step, dtype) -> it as a tensor.
    """

    def __init__(self, schedule: Any, step: int, constant: Callable[..., Any]):
        super().__init__()
        self._schedule, self._step, self._constant = schedule, step, constant

    def __call__(self, step: Any) -> Any:
        return self._schedule(self._constant(self._step, step.dtype))

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self._schedule, "step": self._step}


class Scaled:
    """What another schedule gives, times a factor.

    Args:
        schedule: the other one.
        factor: above 0.
    """

    def __init__(self, schedule: Any, factor: float):
        super().__init__()
        self._schedule, self._factor = schedule, factor

    def __call__(self, step: Any) -> Any:
        return self._schedule(step) * self._factor

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self._schedule, "factor": self._factor}


@contextlib.contextmanager
def scaled_rate(model: Any, factor: float) -> Iterator[None]:
    """Within the block the model trains at its learning rate times a factor.

    A plain number is changed where it is, and the train step stays; for a schedule it
    is traced anew, as in `last_rate`.

    Args:
        model: a compiled model.
        factor: above 0; 1 changes nothing.
    """
    if factor == 1:
        yield
        return
    trainer = compat.trainer_of(model)
    schedule = trainer.learning_rate_schedule(model.optimizer)
    if schedule is not None:
        scaled = trainer.schedule(Scaled)(schedule, factor)
        with _replaced(trainer, model, scaled):
            yield
        return
    rate = trainer.learning_rate(model.optimizer)
    trainer.set_learning_rate(model.optimizer, rate * factor)
    try:
        yield
    finally:
        trainer.set_learning_rate(model.optimizer, rate)


@contextlib.contextmanager
def last_rate(model: Any, steps: int) -> Iterator[None]:
    """Within the block the model trains at the rate of the last of `steps` steps.

    Only the learning rate's schedule knows of it: the optimizer's own count, by which
    Adam corrects its moments, begins where it is. A learning rate that is a plain
    number stays. The train step is traced anew in the block, and the old one is back
    after it.

    Args:
        model: a compiled model.
        steps: training steps that count as done; 0 changes nothing.
    """
    trainer = compat.trainer_of(model)
    schedule = trainer.learning_rate_schedule(model.optimizer)
    if steps == 0 or schedule is None:
        yield
        return
    held = trainer.schedule(Held)(schedule, steps - 1, trainer.constant)
    with _replaced(trainer, model, held):
        yield


@contextlib.contextmanager
def _replaced(trainer: compat.Trainer, model: Any, schedule: Any) -> Iterator[None]:
    """Within the block the optimizer has another schedule, and a step of its own."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    before = trainer.learning_rate_schedule(model.optimizer)
    traced = model.train_function
    optimizer.learning_rate = schedule
    model.train_function = None
    try:
        yield
    finally:
        optimizer.learning_rate = before
        model.train_function = traced
