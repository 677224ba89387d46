"""The flags of a lottery search, and what the paper used where they are not given.

Numbers are those of arXiv 1803.03635, figure 2 and appendices. Nothing here imports
TensorFlow, so that `--help` and wrong flags are answered at once.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from absl import flags

from command_line import Value, parse


@dataclasses.dataclass(frozen=True)
class Paper:
    """How the paper trained and pruned one network.

    Attributes:
        iterations: training steps per level.
        batch_size: examples per step.
        optimizer: a name in `OPTIMIZERS`.
        learning_rate: at the first step.
        rates: share of the surviving weights pruned per round, by pattern on the
            layer's name; layers that none matches are not pruned.
        output_rate: the same for the output layer; None makes it no exception.
        scope: "layer" or "global": what is ranked together.
        drops: shares of the iterations after which the learning rate falls to a
            tenth.
    """

    iterations: int
    batch_size: int
    optimizer: str
    learning_rate: float
    rates: Mapping[str, float]
    output_rate: float | None = None
    scope: str = "layer"
    drops: tuple[float, ...] = ()


_CONV = {"^conv": 0.1, "^dense": 0.2, "^output": 0.2}
# Neither the output layer nor the 1x1 downsampling layers are pruned.
_DEEP = {r"conv\d+$": 0.2}
_RESNET = Paper(
    30_000, 128, "momentum", 0.1, _DEEP, scope="global", drops=(2 / 3, 5 / 6)
)
_VGG = Paper(112_480, 64, "momentum", 0.1, _DEEP, scope="global", drops=(1 / 2, 3 / 4))

PAPER: Mapping[str, Paper] = {
    "lenet": Paper(50_000, 60, "adam", 1.2e-3, {"": 0.2}, 0.1),
    "conv2": Paper(20_000, 60, "adam", 2e-4, _CONV, 0.1),
    "conv4": Paper(25_000, 60, "adam", 3e-4, _CONV, 0.1),
    "conv6": Paper(30_000, 60, "adam", 3e-4, {**_CONV, "^conv": 0.15}, 0.1),
    "resnet18": _RESNET,
    "resnet20": _RESNET,
    "vgg16": _VGG,
    "vgg19": _VGG,
}

# The learning rate of an optimizer that the paper did not use for the network.
OPTIMIZERS: Mapping[str, float] = {"adam": 1e-3, "sgd": 0.1, "momentum": 0.01}

# The embedded digits take a fraction of the paper's iterations.
_DIGITS_ITERATIONS = 2_000

# Flags that are arguments of the library by the same name.
ARGUMENTS = (
    "dataset",
    "data_dir",
    "model",
    "levels",
    "batch_size",
    "rate",
    "scope",
    "rewind_to",
    "evaluate_every",
    "seed",
)


@dataclasses.dataclass(frozen=True)
class Options:
    """The flags by name; what was not given is filled in as far as it can be.

    `rate` stays None for the paper's rates; `controls` is empty for none.
    """

    dataset: str
    data_dir: str | None
    model: str
    levels: int
    iterations: int
    batch_size: int
    optimizer: str
    learning_rate: float
    rate: float | None
    scope: str
    rewind_to: str
    trials: int
    controls: tuple[str, ...]
    evaluate_every: int
    seed: int
    jit: str
    output_dir: str

    @property
    def paper(self) -> Paper:
        """What the paper did with the network."""
        return PAPER[self.model]

    def deciding(self) -> dict[str, Any]:
        """The flags that decide the results, as plain data."""
        found = dataclasses.asdict(self)
        for name in ("data_dir", "output_dir"):
            del found[name]
        found["rate"] = "the paper's" if self.rate is None else self.rate
        found["controls"] = ",".join(self.controls) or "none"
        return found


def read(argv: Sequence[str], about: str) -> Options:
    """The options that a command line gives.

    Args:
        argv: the program's name and its arguments.
        about: what the program does, for --help, which leaves with exit code 0.

    Raises:
        FlagError: a flag is wrong.
    """
    known = define()
    parse(known, argv, about)
    given = {
        field.name: known[field.name].value for field in dataclasses.fields(Options)
    }
    paper = PAPER[given["model"]]
    if given["iterations"] is None:
        digits = given["dataset"] == "digits"
        given["iterations"] = _DIGITS_ITERATIONS if digits else paper.iterations
    if given["learning_rate"] is None:
        default = given["optimizer"] in (None, paper.optimizer)
        given["learning_rate"] = (
            paper.learning_rate if default else OPTIMIZERS[given["optimizer"]]
        )
    for name in ("batch_size", "optimizer", "scope"):
        if given[name] is None:
            given[name] = getattr(paper, name)
    if given["output_dir"] is None:
        # A TFDS name may hold a configuration, as in "name/config".
        leaf = f"{given['dataset']}_{given['model']}".replace("/", "_")
        given["output_dir"] = os.path.join("runs", leaf)
    return Options(**given)


def define() -> flags.FlagValues:
    """New flags, apart from absl's global ones, to which TensorFlow adds its own."""
    known = flags.FlagValues()

    def flag(name: str, default: Any, parser: flags.ArgumentParser, text: str) -> None:
        flags.DEFINE(parser, name, default, text, known, _Serializer())

    flag(
        "dataset",
        "digits",
        _text,
        "Images to classify: digits (1,797 of 8x8, no network needed), mnist, "
        "fashion_mnist, cifar10, or the TFDS name of any image classification set.",
    )
    flag(
        "data_dir",
        None,
        _text,
        "Directory of prepared TFDS data, local or gs://. Default: TFDS's own.",
    )
    flag("model", "lenet", _one_of(PAPER), f"Network: {', '.join(PAPER)}.")
    flag(
        "levels",
        18,
        _whole(0),
        "Number of pruning rounds; levels 0 (dense) to this one are trained.",
    )
    flag(
        "iterations",
        None,
        _whole(1),
        f"Training steps per level. Default: {_DIGITS_ITERATIONS} for digits, else "
        f"from the paper: {_of_paper('iterations')}.",
    )
    flag(
        "batch_size",
        None,
        _whole(1),
        "Examples per training step. Default, from the paper: "
        f"{_of_paper('batch_size')}.",
    )
    flag(
        "optimizer",
        None,
        _one_of(OPTIMIZERS),
        "adam, sgd, or momentum (sgd with momentum 0.9). Default, from the "
        f"paper: {_of_paper('optimizer')}.",
    )
    flag(
        "learning_rate",
        None,
        _real(lambda rate: 0 < rate < math.inf, "use a number above 0"),
        "Step size at the first iteration, a plain number; for resnet and vgg it falls "
        "to a tenth twice, at the paper's shares of the iterations. Default, from "
        f"the paper: {_of_paper('learning_rate')}. With another optimizer than the "
        f"paper's: {_listed((rate, [name]) for name, rate in OPTIMIZERS.items())}.",
    )
    flag(
        "rate",
        None,
        _real(lambda rate: 0 < rate < 1, "use a fraction above 0 and below 1"),
        "Fraction of the surviving weights pruned per round, the same in all layers "
        "but the output layer, which has half of it. Default, from the paper: 0.2, in "
        "convolutions 0.1 (conv2, conv4) or 0.15 (conv6). In global scope (resnet, "
        "vgg: convolutions only) one rate for all, 0.2.",
    )
    flag(
        "scope",
        None,
        _one_of(("layer", "global")),
        "What is ranked together: the weights of each layer, or of all layers. "
        f"Default, from the paper: {_of_paper('scope')}.",
    )
    flag(
        "rewind_to",
        "0it",
        Value(
            str,
            lambda text: re.fullmatch(r"\d+(it|ep)", text) is not None,
            "use iterations such as 500it, or epochs such as 2ep",
        ),
        "Where later levels start: in iterations (500it) or epochs (2ep) of level 0.",
    )
    flag(
        "trials",
        1,
        _whole(1),
        "Number of whole searches, one after another, each with its own initial "
        "weights and data order.",
    )
    flag(
        "controls",
        "random_reinit",
        Value(_names, lambda names: "" not in names, "use names with commas, or none"),
        "Runs to compare the tickets with, names with commas between them, or none.",
    )
    flag(
        "evaluate_every",
        100,
        _whole(1),
        "Iterations between two evaluations on the validation and test data.",
    )
    flag(
        "seed",
        0,
        _whole(0, 2**31 - 1),
        "Seed of the data split, the first trial's initial weights and data order.",
    )
    flag(
        "jit",
        "auto",
        _one_of(("auto", "on", "off")),
        "Whether XLA compiles the training step; auto: on a GPU or TPU, and on a CPU "
        "for networks without convolutions.",
    )
    flag(
        "output_dir",
        None,
        _text,
        "Directory of everything the search stores, local or gs://; the same command "
        "goes on with what is there. Default: runs/<dataset>_<model>.",
    )
    flag("flagfile", None, _text, "File of further flags, one in a line.")
    return known


class _Serializer(flags.ArgumentSerializer):
    """Writes a value as the command line has it."""

    def serialize(self, value: Any) -> str:
        return ",".join(value) or "none" if isinstance(value, tuple) else str(value)


_text = Value(str, bool, "use some text")


def _one_of(names: Mapping[str, Any] | Sequence[str]) -> Value:
    return Value(str, lambda name: name in names, f"use one of {', '.join(names)}")


def _whole(least: int, most: int | None = None) -> Value:
    end = math.inf if most is None else most
    text = f"{least} or more" if most is None else f"{least} to {most}"
    return Value(int, lambda n: least <= n <= end, f"use a whole number, {text}")


def _real(allowed: Callable[[float], bool], text: str) -> Value:
    return Value(float, allowed, text)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    return () if names == ("none",) else names


def _of_paper(name: str) -> str:
    """The paper's value for each model: "60 lenet conv2, 128 resnet18"."""
    models: dict[Any, list[str]] = {}
    for model, paper in PAPER.items():
        models.setdefault(getattr(paper, name), []).append(model)
    return _listed(models.items())


def _listed(items: Iterable[tuple[Any, Sequence[str]]]) -> str:
    texts = []
    for value, names in items:
        text = value if isinstance(value, str) else f"{value:,.6g}"
        texts.append(f"{text} {' '.join(names)}")
    return ", ".join(texts)
