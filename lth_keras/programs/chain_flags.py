"""The flags of a search that say how its levels follow each other, and how long.

Those of pruning are in `pruning_flags`.
"""

from __future__ import annotations

from typing import Any

from lth_keras.arguments import MOST_LEVELS
from lth_keras.errors import LotteryError
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.job_flags import Flag
from lth_keras.programs.values import Value, as_text, numbers, one_of, whole
from lth_keras.pruning import budgets, recipes, written
from lth_keras.pruning.budgets import Budget
from lth_keras.pruning.rewinding import REWINDS

NAMES = ("rewind", "recipe", "search_iterations", "train_levels", "budget")


def define(flag: Flag) -> None:
    """Defines them.

    Args:
        flag: defines one.
    """
    flag(
        "rewind",
        "weights",
        one_of(REWINDS),
        "What each level takes back of the training before it: weights (and learning "
        "rate and optimizer), learning_rate (the trained weights stay), or none "
        "(fine-tuning at the last learning rate).",
    )
    flag(
        "recipe",
        recipes.FULL,
        Value(
            str,
            _is_recipe,
            f"use {recipes.FULL}, {', '.join(recipes.NAMED)}, or one with settings, as "
            "in thrifty:length=0.4",
        ),
        "How the density of --levels is reached: full, round by round as in the paper; "
        "or thrifty, in two thirds of the rounds, each of half the iterations, and the "
        "last level whole: its ticket has the counts of --levels, weight for weight, "
        "for a third of the iterations.",
    )
    flag(
        "search_iterations",
        None,
        whole(1),
        "Training steps of the levels that only lead to the next mask; those of "
        "--train_levels have --iterations. Default: --iterations for all.",
    )
    flag(
        "train_levels",
        "last",
        Value(
            lambda text: () if text in ("last", "none") else _levels(text),
            lambda levels: True,
            "use levels such as 9,15 or 0,8-10, or last",
        ),
        "With --search_iterations, the levels that are trained for the whole of "
        "--iterations; the next mask is of their end. Default: the last one.",
    )
    flag(
        "budget",
        "none",
        Value(
            str,
            _is_budget,
            f"use none, or one of {', '.join(budgets.NAMED)} with a density, as in "
            "erk:density=0.05",
        ),
        "In place of rates: the share of all weights that is left at --levels, and how "
        "the layers share it: erk:density=0.05 (large layers get sparser, "
        "1911.11134), uniform:density=0.05, or erdos_renyi:density=0.05.",
    )


def check(given: dict[str, Any], present: set[str]) -> None:
    """Refuses flags that do not go together.

    Args:
        given: the flags by name, all filled in.
        present: names of those on the command line.

    Raises:
        FlagError: names them.
    """
    recipe, steps = given["recipe"], given["search_iterations"]
    if steps is not None and recipe != recipes.FULL:
        raise FlagError(
            f"--search_iterations={steps} does not go with --recipe={recipe}, which "
            "says how long levels are: give one of the two"
        )
    if given["train_levels"] and steps is None:
        raise FlagError(
            f"--train_levels={as_text(given['train_levels'])} goes with "
            "--search_iterations, the steps of all other levels: give both"
        )
    if given["train_levels"] and given["stop"] != "none":
        raise FlagError(
            f"--train_levels={as_text(given['train_levels'])} trains levels to their "
            f"end, and --stop={given['stop']} ends all but the last: give one of them"
        )
    if steps is not None and steps > given["iterations"]:
        raise FlagError(
            f"--search_iterations={steps} is more than --iterations="
            f"{given['iterations']}: use at most as many"
        )
    if late := [n for n in given["train_levels"] if n > given["levels"]]:
        raise FlagError(
            f"--train_levels: level {late[0]} is past the last, --levels="
            f"{given['levels']}: use levels 0 to that"
        )
    if given["rewind"] != "weights" and given["first"] == "prune":
        raise FlagError(
            f"--rewind={given['rewind']} keeps trained weights, and a search with "
            "--first=prune starts every level from the initial ones: leave it out"
        )
    if given["rewind"] == "none" and not given["rewind_to"].startswith("0"):
        raise FlagError(
            f"--rewind_to={given['rewind_to']} does not go with --rewind=none, which "
            "rewinds nothing: leave it out"
        )
    if given["budget"] != "none":
        both = {"rate", "conv_rate", "dense_rate", "output_rate", "layer_rates"}
        if other := sorted(both & present):
            raise FlagError(
                f"--budget={given['budget']} decides what each layer keeps, and so "
                f"does --{other[0]}: give one of the two"
            )
        if given["scope"] == "global":
            raise FlagError(
                f"--budget={given['budget']} is for --scope=layer: of weights that are "
                "ranked all together no layer has a number of its own"
            )


def budget(text: str, rounds: int) -> Budget | None:
    """The budget that --budget names, None for none.

    Args:
        text: the flag.
        rounds: pruning rounds to its density.

    Raises:
        LotteryError: there is none of that name, or no such density.
    """
    if text == "none":
        return None
    name, *settings = text.split(":")
    found = written.read("budget", text, settings, {"density": 1.0})
    if name not in budgets.NAMED or "density" not in found:
        raise LotteryError(f"{text} is no budget")
    return budgets.NAMED[name](found["density"], rounds)


def _is_recipe(text: str) -> bool:
    try:
        recipes.parse(text)
    except LotteryError:
        return False
    return True


def _is_budget(text: str) -> bool:
    try:
        budget(text, 1)
    except LotteryError:
        return False
    return True


def _levels(text: str) -> tuple[int, ...]:
    return numbers(text, 0, MOST_LEVELS)
