"""What a run asks of the Keras that trains its model."""

from __future__ import annotations

import abc
import contextlib
import functools
from collections.abc import Callable
from typing import Any


class Trainer(abc.ABC):
    """The Keras of a model, with what its `fit` knows and what differs by version.

    Attributes:
        name: "tf_keras" or "keras3".
        said: its name in a sentence.
        backend: what computes: "tensorflow", "jax" or "torch".
        counts_from_start: whether a `fit` that begins in mid-epoch numbers its
            batches from there.
        cuts_executions: whether the last of `steps_per_execution` in an epoch has as
            many steps as are left.
        tests_by_step: whether `test_step` alone makes the metrics' variables.
        takes_generators: whether f(level, seed) may return a generator of batches.
    """

    name: str
    said: str
    backend: str = "tensorflow"
    counts_from_start = True
    cuts_executions = True
    tests_by_step = True
    takes_generators = False

    @property
    @abc.abstractmethod
    def keras(self) -> Any:
        """The module."""

    @property
    def bars(self) -> dict[str, Any]:
        """What its `ProgbarLogger` is made with."""
        return {}

    @property
    def misfits(self) -> tuple[type[Exception], ...]:
        """What a batch raises that does not fit the model."""
        import tensorflow as tf

        return TypeError, ValueError, tf.errors.InvalidArgumentError

    def callback(self, logic: type, base: type | None = None) -> Any:
        """The class of callbacks that do what a class without a base says.

        Args:
            logic: the class.
            base: of this Keras; `Callback` by default.
        """
        return _with_base(logic, base or self.keras.callbacks.Callback)

    @property
    def told(self) -> dict[str, str]:
        """What result lines and search.json say of it; nothing of tf_keras."""
        return {}

    @abc.abstractmethod
    def is_built(self, model: Any) -> bool:
        """Whether the model has its weights."""

    @abc.abstractmethod
    def has_call(self, model: Any) -> bool:
        """Whether the model itself can be called."""

    def has_own_training(self, model: Any) -> bool:
        """Whether the class has a `train_step` of its own."""
        return type(model).train_step is not self.keras.Model.train_step

    def has_own_test(self, model: Any) -> bool:
        """Whether the class has a `test_step` of its own."""
        return type(model).test_step is not self.keras.Model.test_step

    def can_test(self, model: Any) -> bool:
        """Whether `test_step` can work: Keras's own calls the model."""
        return self.has_call(model) or self.has_own_test(model)

    def shuffles(self, shuffle: Any) -> dict[str, Any]:
        """The argument of `fit` that says so, where our data are passed with it."""
        return {"shuffle": shuffle}

    @abc.abstractmethod
    def check_devices(self, model: Any, batches: Callable[[], Any]) -> None:
        """Refuses devices of a model that are not covered, or not with its batches.

        Args:
            model: compiled.
            batches: f() -> those that it is to be trained on.

        Raises:
            LotteryError: says what it is.
        """

    @abc.abstractmethod
    def fixed_batch_size(self, model: Any) -> int | None:
        """The batch size that a model was declared with, None where any goes."""

    @abc.abstractmethod
    def steps_per_execution(self, model: Any) -> int:
        """Training steps that a compiled model makes between two callbacks."""

    @abc.abstractmethod
    def trace(self, model: Any, shape: tuple[int, ...], dtype: Any) -> None:
        """Follows examples of a shape through the model; raises what it raises."""

    @abc.abstractmethod
    def replicas(self, model: Any) -> int:
        """Copies of the model that share each batch."""

    @abc.abstractmethod
    def reset_generators(self, model: Any, seed: int) -> None:
        """Starts the random generator of each dropout-like layer afresh."""

    @abc.abstractmethod
    def reset_states(self, model: Any) -> None:
        """Sets the states of recurrent layers that keep them to zero."""

    def schedule(self, logic: type) -> Any:
        """The class of learning-rate schedules that give what a class says."""
        return _with_base(logic, self.keras.optimizers.schedules.LearningRateSchedule)

    @abc.abstractmethod
    def constant(self, value: Any, dtype: Any) -> Any:
        """A number as a tensor of the backend."""

    @abc.abstractmethod
    def learning_rate(self, optimizer: Any) -> Any:
        """The learning rate where it is a plain number, as the optimizer holds it."""

    @abc.abstractmethod
    def set_learning_rate(self, optimizer: Any, rate: Any) -> None:
        """Sets a learning rate that is a plain number; nothing is traced anew."""

    @abc.abstractmethod
    def learning_rate_schedule(self, optimizer: Any) -> Any:
        """The optimizer's schedule, or None where it has a plain number."""

    @abc.abstractmethod
    def start_at(self, epoch: int, step: int, steps: int | None) -> tuple[Any, Any]:
        """Callbacks that let a `fit` begin at batch `step` of `epoch`.

        Args:
            epoch: its number, from 0.
            step: at least 1; the data begin there too.
            steps: of an epoch.

        Returns:
            One that stands before all others, or None, and one that stands last.
        """

    def fitting(self, model: Any) -> contextlib.AbstractContextManager[None]:
        """What stands around a `fit`, to let its steps do no more than they need."""
        return contextlib.nullcontext()

    def given(self, model: Any, data: Any) -> Any:
        """The data as a `fit` is given them, so that its steps wait for little."""
        return data

    @abc.abstractmethod
    def clear_start(self, model: Any) -> None:
        """Forgets `start_at` where a `fit` ended before it asked."""

    @abc.abstractmethod
    def threads_and_devices(self) -> tuple[list[int], list[str]]:
        """Thread counts and the kinds of devices, which decide the last bits."""


@functools.cache
def _with_base(logic: type, base: type) -> type:
    # tf_keras converts logs to NumPy in every batch for callbacks that do not say so.
    about = {"__doc__": logic.__doc__, "_supports_tf_logs": True}
    return type(logic.__name__, (logic, base), about)
