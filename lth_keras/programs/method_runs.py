"""--method: how flags ask for another way to a subnetwork than rounds of pruning."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.methods import registry
from lth_keras.methods.method import Method, Phase
from lth_keras.methods.searching import MethodSearch
from lth_keras.programs.building import plain_model
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.options import IMP, Options


def is_method(options: Options) -> bool:
    """Whether the flags ask for one, and not for rounds of pruning."""
    return options.method != IMP


def with_phases(options: Options) -> Options:
    """The flags with the method's last phase as the last level.

    Raises:
        FlagError: there is no such method, or a setting of it is wrong.
    """
    if not is_method(options):
        return options
    return dataclasses.replace(options, levels=len(_phases(options)) - 1)


def method(
    options: Options, input_shape: tuple[int, int, int], classes: int, seed: int
) -> Method:
    """The method on its network, not compiled.

    Args:
        options: the flags.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        seed: decides the initial weights, and what the method draws.

    Raises:
        FlagError: a setting of the method cannot be used.
    """
    kind, given = _asked(options)
    model = plain_model(options, input_shape, classes, seed)
    if "seed" in inspect.signature(kind.__init__).parameters:
        given = {"seed": seed, **given}
    try:
        return kind(model, **given)
    except LotteryError as error:
        raise FlagError(f"--method={options.method}: {error}") from None


def search(
    options: Options, made: Method, directory: str, trial: int, seed: int
) -> MethodSearch:
    """The search of a trial in a directory."""
    return MethodSearch(
        made,
        directory,
        seed=seed,
        trial=trial,
        monitor_metric=options.monitor_metric,
    )


def described(options: Options) -> list[str]:
    """What a job of a method trains, for its summary."""
    names = ", ".join(phase.name for phase in _phases(options))
    return [options.method, f"phases of {options.iterations:,} iterations: {names}"]


def refuse_controls(options: Options) -> None:
    """Refuses controls of a job that has no rounds to compare with.

    Raises:
        FlagError: it is of another method.
    """
    if is_method(options):
        raise FlagError(
            f"--controls: {options.output_dir} is of --method={options.method}, and "
            f"controls are for --method={IMP}: they have the density of a level of it"
        )


def _phases(options: Options) -> tuple[Phase, ...]:
    kind, given = _asked(options)
    try:
        return kind.phases_of(given)
    except LotteryError as error:
        raise FlagError(f"--method={options.method}: {error}") from None


def _asked(options: Options) -> tuple[type[Method], dict[str, Any]]:
    try:
        name, given = registry.parse(options.method)
    except LotteryError as error:
        raise FlagError(f"--method={options.method}: {error}") from None
    return registry.get(name), given
