"""One trial: data, model, search and controls, as the flags say.

Trials differ in their initial weights and data order; the data are split alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import lth_keras as lth
from command_line import FlagError
from lth_keras import batches, datasets, schedules
from lth_keras.compat import keras
from lth_keras.weights import pruned_weights_of
from networks import check_survivors, compile_model, use_jit, wrapped_model
from progress import Progress
from settings import Options


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
        self._data = datasets.load(
            options.dataset, data_dir=options.data_dir, seed=options.seed
        )
        self._stream = self._data.stream(options.batch_size)
        self._rewind_step = rewind_step(options, len(self._data.train[0]))
        model = wrapped_model(options, self._data.input_shape, self._data.classes, 0)
        check_survivors(options, model)
        self.summary = _summary(options, model)

    def carry_out(
        self,
        trial: int,
        directory: str,
        progress: Progress,
        on_result: Callable[[dict[str, Any]], None],
    ) -> None:
        """Trains every level and control of a trial that is not stored yet.

        Args:
            trial: number of the trial, from 0.
            directory: where its search is stored.
            progress: told of every run.
            on_result: called with each new result line.
        """
        options, data = self._options, self._data
        seed = trial_seed(options.seed, trial)
        model = wrapped_model(options, data.input_shape, data.classes, seed)
        compile_model(options, model, self._rewind_step)
        search = lth.LotterySearch(
            model,
            levels=options.levels,
            directory=directory,
            rewind_to=self._rewind_step,
            seed=seed,
            trial=trial,
            on_result=on_result,
        )
        progress.begin(trial, "ticket")
        search.fit(
            self._stream,
            # One epoch for Keras; the stream itself reshuffles at every real one.
            epochs=1,
            steps_per_epoch=options.iterations,
            verbose=0,
            callbacks=progress.callbacks,
            validation_data=data.validation,
            test_data=data.test,
            train_data=data.train,
            evaluate_every=options.evaluate_every,
        )
        for name in options.controls:
            progress.begin(trial, name)
            lth.controls.run(search, name)


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
    step = schedules.parse_step(options.rewind_to, epoch)
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
