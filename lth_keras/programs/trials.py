"""The trials of a job: data, models, searches and controls, as the flags say.

Trials differ in their initial weights and data order; the data are split alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.experiments.tasks import Task
from lth_keras.masking.weights import pruned_weights_of
from lth_keras.papers import datasets
from lth_keras.programs.building import (
    check_survivors,
    compile_model,
    use_jit,
    wrapped_model,
)
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.options import Options
from lth_keras.training import batches, iterations

import tensorflow as tf  # isort: skip


class Trials:
    """Everything about the trials of a job that is found from its flags alone.

    Making it reads the data and checks what the flags mean for them, so that a job
    that cannot run is refused before it has written anything.

    Args:
        options: the flags.

    Attributes:
        summary: one line about the job.

    Raises:
        FlagError: a flag does not fit the data or the network.
        LotteryError: the data cannot be read, or the network cannot be built on them.
    """

    def __init__(self, options: Options):
        self._options = options
        self._current: lth.LotterySearch | None = None
        self._callbacks: Callable[[int], list[Any]] = lambda level: []
        self._on_result: Callable[[dict[str, Any]], None] = lambda row: None
        self._data = datasets.load(
            options.dataset, data_dir=options.data_dir, seed=options.seed
        )
        self._stream = self._data.stream(options.batch_size, options.augment)
        self._rewind_step = rewind_step(options, len(self._data.train[0]))
        model = wrapped_model(options, self._data.input_shape, self._data.classes, 0)
        check_survivors(options, model)
        check_controls(options, model)
        self.summary = _summary(options, model)

    def carry_out(
        self,
        task: Task,
        directory: str,
        callbacks: Callable[[int], list[Any]],
        on_result: Callable[[dict[str, Any]], None],
    ) -> str | None:
        """Trains what a task asks for and is not stored yet.

        Args:
            task: a whole search, or a run of a control.
            directory: where the search of the task's trial is stored.
            callbacks: level -> the Keras callbacks of a run.
            on_result: called with each new result line.

        Returns:
            None, or how a control diverged, which leaves everything else as it is.

        Raises:
            LotteryError: a search diverged, or something cannot be written.
        """
        search = self._search(task.trial, directory)
        self._callbacks, self._on_result = callbacks, on_result
        if not task.control:
            search.fit(**self._fit_arguments)
            return None
        if search.plan is None:
            search.prepare(**self._fit_arguments)
        try:
            lth.controls.run(search, task.control, [task.level], [task.replicate])
        except lth.DivergedError as error:
            return str(error)
        return None

    def _search(self, trial: int, directory: str) -> lth.LotterySearch:
        """The search of a trial; the last one is kept, for its compiled model."""
        if self._current is None or self._current.trial != trial:
            options, data = self._options, self._data
            seed = trial_seed(options.seed, trial)
            model = wrapped_model(options, data.input_shape, data.classes, seed)
            steps = [self._rewind_step, *control_steps(options)]
            compile_model(options, model, steps)
            self._current = lth.LotterySearch(
                model,
                levels=options.levels,
                directory=directory,
                rewind_to=self._rewind_step,
                seed=seed,
                trial=trial,
                on_result=lambda row: self._on_result(row),
            )
        return self._current

    @property
    def _fit_arguments(self) -> dict[str, Any]:
        return {
            "x": self._stream,
            # One epoch for Keras; the stream itself reshuffles at every real one.
            "epochs": 1,
            "steps_per_epoch": self._options.iterations,
            "verbose": 0,
            "callbacks": lambda level: self._callbacks(level),
            "validation_data": self._data.validation,
            "test_data": self._data.test,
            "train_data": self._data.train,
            "evaluate_every": self._options.evaluate_every,
        }


def check_controls(options: Options, model: keras.Model) -> None:
    """Refuses controls that could not be run once the search is done.

    Raises:
        FlagError: names the control.
    """
    for name in options.controls:
        control = lth.controls.parse(name)
        try:
            control.check(model, options.iterations)
        except LotteryError as error:
            raise FlagError(f"--controls={name}: {error}") from None
        if str(control.parameters.get("step", "")).endswith("ep"):
            raise FlagError(
                f"--controls={name}: write the step in iterations, as 500it"
            )


def control_steps(options: Options) -> list[int]:
    """The training steps that controls are rewound to."""
    found = [
        lth.controls.parse(name).parameters.get("step") for name in options.controls
    ]
    return [iterations.parse_step(step, None) for step in found if step is not None]


def use_one_thread() -> None:
    """Lets TensorFlow compute with one thread; call it before anything is computed."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def trial_seed(seed: int, trial: int) -> int:
    """The seed of a trial: trial 0 has --seed itself, the others draw from it."""
    if trial == 0:
        return seed
    return int(np.random.SeedSequence([seed, trial]).generate_state(1)[0]) % 2**31


def rewind_step(options: Options, examples: int) -> int:
    """--rewind_to as a number of iterations.

    Args:
        options: the flags.
        examples: size of the training data, from which an epoch's length follows.

    Raises:
        FlagError: it is past the end of a level.
    """
    epoch = batches.steps_per_epoch(examples, options.batch_size, drop_remainder=True)
    step = iterations.parse_step(options.rewind_to, epoch)
    if step >= options.iterations:
        raise FlagError(
            f"--rewind_to={options.rewind_to} is iteration {step}, past the end of a "
            f"level of --iterations={options.iterations}: use an earlier one"
        )
    return step


def _summary(options: Options, model: keras.Model) -> str:
    size = sum(math.prod(weight.shape) for weight in pruned_weights_of(model))
    parts = [
        f"{options.model} on {options.dataset}: {size:,} prunable weights",
        f"{options.levels + 1} levels of {options.iterations:,} iterations",
        f"controls: {', '.join(options.controls) or 'none'}",
    ]
    if options.trials > 1:
        parts.insert(1, f"{options.trials} trials")
    if use_jit(options, model):
        parts.append("compiled by XLA")
    return "; ".join(parts)
