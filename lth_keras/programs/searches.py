"""The searches of a job: data, models and settings as the flags say.

Trials differ in their initial weights and data order; the data are split alike.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lth_keras.compat import keras
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.methods.method import Method
from lth_keras.papers.handing import Handed
from lth_keras.programs import method_runs, strategies
from lth_keras.programs.building import (
    check_survivors,
    compile_model,
    use_jit,
    wrapped_model,
)
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.inputs import Inputs
from lth_keras.programs.options import Options
from lth_keras.pruning import recipes, settling
from lth_keras.search.search import LotterySearch
from lth_keras.training import batches, points


class Searches:
    """Makes the search of a trial from flags alone, as `Trials` wants it.

    Making one of these reads the data and checks what the flags mean for them, so that
    a job that cannot run is refused before it has written anything. Sent to another
    process, it is made anew there, of the data that were read here.

    Args:
        options: the flags.
        handed: the data of another process.

    Attributes:
        summary: one line about the job.

    Raises:
        FlagError: a flag does not fit the data or the network.
        LotteryError: the data cannot be read, or the network cannot be built on them.
    """

    def __init__(self, options: Options, handed: Handed | None = None):
        self._options = options
        strategies.of(options)  # Which must be asked for before anything computes.
        self._data = Inputs(options, handed)
        self._stream = self._data.stream()
        self._rewind_step = rewind_step(options, self._data.size("train"))
        if method_runs.is_method(options):
            model = self._method(0).model
        else:
            model = self._wrapped(0)
            check_survivors(options, model)
        check_controls(options, model)
        self.summary = _summary(options, model)

    def __call__(
        self, trial: int, directory: str
    ) -> tuple[LotterySearch, dict[str, Any]]:
        """The search of a trial in a directory, and the arguments of its `fit`."""
        options = self._options
        seed = trial_seed(options.seed, trial)
        if method_runs.is_method(options):
            method = self._method(seed)
            self._compile(method.model, list(method.stops))
            made = method_runs.search(options, method, directory, trial, seed)
            return made, self._fit_arguments
        model = self._wrapped(seed)
        steps = [self._rewind_step, *control_steps(options)]
        if options.recipe != recipes.FULL:
            steps.append(options.shortest)  # Which is not rounded then.
        self._compile(model, steps)
        search = LotterySearch(
            model,
            levels=options.levels,
            directory=directory,
            rewind_to=self._rewind_step,
            seed=seed,
            trial=trial,
            monitor_metric=options.monitor_metric,
            first=options.first,
            rewind=options.rewind,
            recipe=options.recipe,
            stop=settling.parse(options.stop),
            keep_trained=options.keep_trained,
        )
        return search, self._fit_arguments

    def _method(self, seed: int) -> Method:
        shape, classes = self._data.input_shape, self._data.classes
        with strategies.scope(self._options):
            return method_runs.method(self._options, shape, classes, seed)

    def _wrapped(self, seed: int) -> Any:
        shape, classes = self._data.input_shape, self._data.classes
        with strategies.scope(self._options):
            return wrapped_model(self._options, shape, classes, seed)

    def _compile(self, model: Any, steps: list[int]) -> None:
        with strategies.scope(self._options):
            compile_model(self._options, model, steps)

    def __reduce__(self) -> tuple[Any, ...]:
        return Searches, (self._options, self._data.handed())

    @property
    def _fit_arguments(self) -> dict[str, Any]:
        return {
            "x": self._stream,
            # One epoch for Keras; the stream itself reshuffles at every real one.
            "epochs": 1,
            "steps_per_epoch": self._options.steps_at
            if self._options.search_iterations
            else self._options.iterations,
            "verbose": 0,
            "validation_data": self._data.evaluated("validation"),
            "test_data": self._data.evaluated("test"),
            "train_data": self._data.evaluated("train"),
            "evaluate_every": self._options.evaluate_every,
        }


def check_names(options: Options) -> None:
    """Refuses a control that is not known.

    Raises:
        FlagError: names it.
    """
    for name in options.controls:
        try:
            syntax.parse(name)
        except LotteryError as error:
            raise FlagError(f"--controls={name}: {error}") from None


def go_with_dense(options: Options) -> bool:
    """Whether all controls can be run at level 0 too.

    Raises:
        FlagError: names one that is not known.
    """
    check_names(options)
    return all(syntax.parse(name).dense for name in options.controls)


def check_controls(options: Options, model: keras.Model) -> None:
    """Refuses controls that could not be run once the search is done.

    Raises:
        FlagError: names the control.
    """
    for name in options.controls:
        control = syntax.parse(name)
        try:
            control.check(model, options.shortest, options.first, options.keep_trained)
        except LotteryError as error:
            raise FlagError(f"--controls={name}: {error}") from None
        if "continued" in name.split("+") and options.shortest != options.iterations:
            raise FlagError(
                f"--controls={name}: stock tfmot prunes after levels of one length, "
                "and those of this search differ: leave it out, or search without "
                "--recipe and --search_iterations"
            )
        if str(control.parameters.get("step", "")).endswith("ep"):
            raise FlagError(
                f"--controls={name}: write the step in iterations, as 500it"
            )


def control_steps(options: Options) -> list[int]:
    """The training steps that controls are rewound to."""
    found = [syntax.parse(name).parameters.get("step") for name in options.controls]
    return [points.parse_step(step, None) for step in found if step is not None]


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
    step = points.parse_step(options.rewind_to, epoch)
    if step >= options.shortest:
        raise FlagError(
            f"--rewind_to={options.rewind_to} is iteration {step}, past the end of a "
            f"level of {options.shortest} iterations: use an earlier one"
        )
    return step


def _levels(options: Options) -> str:
    """How many levels there are, and how long they are."""
    found = [options.steps_at(level) for level in range(options.last_level + 1)]
    lengths = [
        f"{found.count(steps)} level{'s' * (found.count(steps) != 1)} of {steps:,}"
        for steps in sorted(set(found))
    ]
    told = f"{' and '.join(lengths)} iterations"
    if options.recipe != recipes.FULL:
        told += f" to the counts of level {options.levels} ({options.recipe})"
    return told


def _summary(options: Options, model: keras.Model) -> str:
    size = sum(math.prod(weight.shape) for weight in Network.of(model).pruned)
    parts = [
        f"{options.model} on {options.dataset}: {size:,} prunable weights",
        _levels(options),
        f"controls: {', '.join(options.controls) or 'none'}",
    ]
    if method_runs.is_method(options):
        parts[1:] = method_runs.described(options)
    if options.trials > 1:
        parts.insert(1, f"{options.trials} trials")
    if use_jit(options, model):
        parts.append("compiled by XLA")
    return "; ".join(parts)
