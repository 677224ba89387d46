"""What a command line leaves out, filled in with the paper's values of its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lth_keras.papers.settings import (
    DIGITS_ITERATIONS,
    DIGITS_LEVELS,
    OPTIMIZERS,
    Paper,
)
from lth_keras.programs import data_flags
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.values import as_text
from lth_keras.pruning.counts import RoundRate

# The flags that a network without such layers has no use for.
OF_LAYERS = {
    "width": ("conv_rate", "convolutions"),
    "conv_rate": ("conv_rate", "convolutions"),
    "dense_rate": ("dense_rate", "hidden dense layers"),
    "dropout": ("dense_rate", "hidden dense layers"),
}


def check_layers(
    given: dict[str, Any], paper: Paper, defaults: Mapping[str, Any]
) -> None:
    """Refuses what is said of layers that the network does not have."""
    for name, (kind, layers) in OF_LAYERS.items():
        if getattr(paper, kind) is None and given[name] not in (defaults[name], 0):
            raise FlagError(
                f"--{name}={_said(given[name])} is for {layers}, and "
                f"{given['model']} has none: leave it out"
            )


def fill_training(given: dict[str, Any], paper: Paper) -> None:
    """Fills in how the paper trains.

    Raises:
        FlagError: two flags do not go with each other.
    """
    digits = given["dataset"] == "digits"
    if given["iterations"] is None:
        given["iterations"] = DIGITS_ITERATIONS if digits else paper.iterations
    if given["levels"] is None:
        given["levels"] = DIGITS_LEVELS if digits else paper.levels
    given["augment"] = data_flags.augmentation(given, paper)
    if given["optimizer"] is None:
        given["optimizer"] = paper.optimizer
    if given["lr_decay"] != "none" and given["lr_drops"]:
        raise FlagError(
            f"--lr_decay={given['lr_decay']} does not go with --lr_drops="
            f"{as_text(given['lr_drops'])}: give one of the two"
        )
    optimizer = given["optimizer"]
    if given["learning_rate"] is None:
        default = optimizer == paper.optimizer
        given["learning_rate"] = (
            paper.learning_rate if default else OPTIMIZERS[optimizer]
        )
    if optimizer != "momentum" and given["momentum"]:
        raise FlagError(
            f"--momentum={given['momentum']:g} goes with --optimizer=momentum, not "
            f"{optimizer}: leave it out"
        )
    if given["momentum"] is None:
        given["momentum"] = 0.9 if optimizer == "momentum" else 0.0


def rates_of(given: dict[str, Any], paper: Paper) -> dict[str, RoundRate]:
    """The rate of each kind of layer, by the name of its flag."""
    names = ["conv_rate", "dense_rate", "output_rate"]
    rates: dict[str, Any] = {n: getattr(paper, n) or 0.0 for n in names}
    every, half = given["rate"], 0.5
    if given["scope"] == "global":
        asked = {given[name] for name in ("rate", *names)} - {None, 0}
        if len(asked) > 1:
            raise FlagError(
                "--scope=global ranks all weights together at one rate, not "
                f"{', '.join(map(_said, sorted(asked, key=str)))}: give one, and 0 "
                "for layers to leave whole"
            )
        every, half = next(iter(asked), max(rates.values())), 1.0
    if every is not None:
        for name, rate in rates.items():
            share = half if name == "output_rate" else 1.0
            rates[name] = _times(share, every) if rate else 0.0
    rates |= {name: given[name] for name in names if given[name] is not None}
    own = [item for item in given["layer_rates"] if float(item.rpartition("=")[2])]
    if not any(rates.values()) and not own:
        raise FlagError(
            f"--{names[0]}, --{names[1]} and --{names[2]} are all 0, and nothing would "
            "be pruned: give one of them"
        )
    return rates


def _said(value: Any) -> str:
    """A number, or the numbers of rounds, as the command line would have it."""
    return as_text(value) if isinstance(value, tuple) else f"{value:g}"


def _times(share: float, rate: RoundRate) -> RoundRate:
    if isinstance(rate, tuple):
        return tuple(share * each for each in rate)
    return share * rate
