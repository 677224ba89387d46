"""The options of a lottery search: its flags, filled in with the paper's values.

Nothing here imports TensorFlow, so that `--help` and wrong flags are answered at once.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from absl import flags

from lth_keras.papers.settings import PAPER
from lth_keras.programs import chain_flags, data_flags, filling, strategy_flags
from lth_keras.programs.command_line import FlagError, parse
from lth_keras.programs.flags import define as define
from lth_keras.programs.values import as_text
from lth_keras.pruning import recipes
from lth_keras.pruning.counts import RoundRate, rounds_before

# Flags that are arguments of the library by the same name.
ARGUMENTS = (
    "dataset",
    "data_dir",
    "validation_size",
    "model",
    "hidden",
    "width",
    "dropout",
    "weight_decay",
    "augment",
    "warmup",
    "levels",
    "batch_size",
    "rate",
    "scope",
    "criterion",
    "granularity",
    "where",
    "layer_rates",
    "first",
    "stop",
    "rewind_to",
    "rewind",
    "recipe",
    "evaluate_every",
    "monitor_metric",
    "seed",
)

IMP = "imp"
# What other methods than it have nothing to do with: they have no rounds of it.
_ROUNDS = (
    "levels",
    "rate",
    "conv_rate",
    "dense_rate",
    "output_rate",
    "scope",
    "criterion",
    "granularity",
    "where",
    "layer_rates",
    "first",
    "stop",
    "rewind_to",
    *chain_flags.NAMES,
    "controls",
    "replicates",
    "keep_trained",
)


@dataclasses.dataclass(frozen=True)
class Options:
    """The flags by name; what was not given is filled in.

    `rate` is as given, None for the paper's rates; what is in force are the rates of
    each kind of layer, 0 for kinds that are not pruned. `lr_drops` and `controls` are
    empty for none.
    """

    dataset: str
    data_dir: str | None
    validation_size: int | None
    data: str
    image_size: int | None
    model: str
    hidden: tuple[int, ...]
    width: float
    dropout: float
    iterations: int
    batch_size: int
    augment: str
    optimizer: str
    learning_rate: float
    momentum: float
    warmup: int
    lr_drops: tuple[float, ...]
    lr_decay: str
    weight_decay: float
    jit: str
    keras: str
    method: str
    levels: int
    rate: RoundRate | None
    conv_rate: RoundRate
    dense_rate: RoundRate
    output_rate: RoundRate
    scope: str
    criterion: str
    granularity: str
    where: str
    layer_rates: tuple[str, ...]
    first: str
    stop: str
    rewind_to: str
    rewind: str
    recipe: str
    search_iterations: int | None
    train_levels: tuple[int, ...]
    budget: str
    trials: int
    controls: tuple[str, ...]
    replicates: int
    evaluate_every: int
    monitor_metric: str
    seed: int
    workers: int
    strategy: str
    devices: int | None
    export: str
    keep_trained: str
    output_dir: str

    @property
    def pruned_levels(self) -> range:
        """The levels that controls have the densities of."""
        return range(1 - rounds_before(self.first), self.last_level + 1)

    @property
    def last_level(self) -> int:
        """The last level of the search: of fewer rounds, where the recipe has them."""
        course = recipes.parse(self.recipe)
        return self.levels if course is None else course.levels(self.levels)

    @property
    def shortest(self) -> int:
        """Training steps of the shortest level."""
        last = self.last_level
        kept = set(self.train_levels or (last,)).issuperset(range(last + 1))
        return self.iterations if kept else self._short

    def steps_at(self, level: int) -> int:
        """Training steps of a level: --iterations if it is kept, else the fewer."""
        kept = level in (self.train_levels or (self.last_level,))
        return self.iterations if kept else self._short

    @property
    def _short(self) -> int:
        """Training steps of a level that only leads to the next."""
        course = recipes.parse(self.recipe)
        if course is not None:
            return course.iterations(self.iterations)
        return self.search_iterations or self.iterations


def read(
    argv: Sequence[str], about: str, known: flags.FlagValues | None = None
) -> Options:
    """The options that a command line gives.

    Args:
        argv: the program's name and its arguments.
        about: what the program does, for --help, which leaves with exit code 0.
        known: the flags of `define`, with others that the program has beside them.

    Raises:
        FlagError: a flag is wrong, or does not go with another.
    """
    known = define() if known is None else known
    parse(known, argv, about)
    given = {
        field.name: known[field.name].value for field in dataclasses.fields(Options)
    }
    paper = PAPER[given["model"]]
    if given["method"] != IMP:
        _check_method(given["method"], [n for n in known if known[n].present])
        given["controls"] = ()
    _check_keras(given)
    strategy_flags.check(given)
    data_flags.check(given)
    filling.check_layers(
        given, paper, {name: known[name].default for name in filling.OF_LAYERS}
    )
    if given["hidden"] != known["hidden"].default and given["model"] != "lenet":
        raise FlagError(
            f"--hidden={as_text(given['hidden'])} is for lenet, not "
            f"{given['model']}: leave it out"
        )
    filling.fill_training(given, paper)
    if given["scope"] is None and given["budget"] != "none":
        given["scope"] = "layer"  # Which a budget is of.
    for name in ("batch_size", "scope", "weight_decay", "lr_drops"):
        if given[name] is None:
            given[name] = getattr(paper, name)
    if given["lr_decay"] != "none":
        given["lr_drops"] = ()  # the paper's, which the decay takes the place of
    given |= filling.rates_of(given, paper)
    chain_flags.check(given, {name for name in known if known[name].present})
    if given["output_dir"] is None:
        # A TFDS name may hold a configuration, as in "name/config".
        leaf = f"{given['dataset']}_{given['model']}".replace("/", "_")
        given["output_dir"] = os.path.join("runs", leaf)
    return Options(**given)


def _check_keras(given: dict[str, Any]) -> None:
    """Refuses what is there for tf_keras alone."""
    if given["keras"] == "tf_keras":
        return
    if given["method"] != IMP:
        raise FlagError(
            f"--method={given['method']} is of tf_keras models: leave out "
            "--keras=keras3"
        )


def _check_method(method: str, given: Sequence[str]) -> None:
    """Refuses flags of rounds of pruning beside a method that has none."""
    if found := [name for name in _ROUNDS if name in given]:
        raise FlagError(
            f"--{found[0]} is for --method={IMP}, and {method.split(':')[0]} has no "
            "rounds of it: leave it out, or give the method's own settings, as in "
            "edge_popup:keep=0.3"
        )
