"""How a control is written: "noise:sigma=0.5", "one_shot+random_reinit"."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np

from lth_keras import arguments
from lth_keras.controls import orders, registry
from lth_keras.controls.registry import Case
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import written
from lth_keras.search.search import LotterySearch

# Bytes that file systems allow a name, less what a temporary one has beside it.
_LONGEST = 220


def names() -> tuple[str, ...]:
    """The registered controls, in alphabetical order."""
    return registry.REGISTRY.names()


@dataclasses.dataclass(frozen=True)
class Control:
    """One control with its parameters, or several applied one after another.

    Attributes:
        steps: name and parameters of each transform.
    """

    steps: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def name(self) -> str:
        """The names alone: "noise", "one_shot+random_reinit"."""
        return "+".join(name for name, _ in self.steps)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of all steps."""
        return {key: v for _, found in self.steps for key, v in found.items()}

    @property
    def key(self) -> str:
        """Name and parameters as the name of a directory: "noise,sigma=0.5"."""
        return _joined(self.steps)

    @property
    def seeded(self) -> str:
        """What its seeds are drawn from: the key but for places, which may change."""
        return _joined(
            (name, {k: v for k, v in found.items() if k not in _places(name)})
            for name, found in self.steps
        )

    @property
    def shared(self) -> frozenset[str]:
        """The transforms in it whose runs share training of their own."""
        names = (name for name, _ in self.steps)
        return frozenset(n for n in names if registry.REGISTRY.get(n).shares)

    @property
    def shared_once(self) -> bool:
        """Whether its first run trains all that they share."""
        return all(registry.REGISTRY.get(name).once for name in self.shared)

    @property
    def dense(self) -> bool:
        """Whether it goes with level 0, the dense network."""
        return all(registry.REGISTRY.get(name).dense for name, _ in self.steps)

    def draws_of(self, replicate: int) -> int:
        """The replicate whose draws a replicate has: its own, unless `one_draw`."""
        drawn = (p["draw"] for name, p in self.steps if name == orders.NAME)
        return next(drawn, replicate)

    def check(
        self,
        model: Any,
        iterations: int | None,
        first: str = "train",
        keep_trained: str = "all",
    ) -> None:
        """Refuses what cannot be run, before anything is trained.

        Args:
            model: the wrapped model.
            iterations: of a whole run, None where only `fit` knows.
            first: what the search begins a level with, "train" or "prune".
            keep_trained: which trained weights the search keeps, "all" or "needed".

        Raises:
            LotteryError: a parameter is out of range, or the control does not go
                with the way the model is pruned.
        """
        for name, parameters in self.steps:
            if first == "prune" and registry.REGISTRY.get(name).trained:
                raise LotteryError(
                    f"{name} takes something of a network that was trained before, and "
                    "a search with first='prune' trains none: leave it out."
                )
            if keep_trained == "needed" and registry.REGISTRY.get(name).later:
                raise LotteryError(
                    f"{name} begins from the weights that a level ended with, and "
                    "keep_trained='needed' keeps none of them: use 'all'."
                )
            if refuse := registry.REGISTRY.get(name).check:
                refuse(model, iterations, **parameters)

    def apply(self, search: LotterySearch, case: Case, seed: int) -> Case:
        """The case that is trained in place of `case`."""
        for index, (name, parameters) in enumerate(self.steps):
            # The first step has the seed itself, as a control of one step has.
            own = seed if index == 0 else seed_of(seed, name, index)
            transform = registry.REGISTRY.get(name).function
            case = transform(search, case, own, **parameters)
        return case


def parse(text: str) -> Control:
    """Reads a control as users write it.

    Args:
        text: "name", "name:parameter=value:other=value", or several of these with
            "+" between them, applied from left to right; `written` says how a value
            holds such signs itself.

    Raises:
        LotteryError: no such control or parameter, a value of another kind or too
            long, a parameter that is missing or given twice, or controls of which one
            would undo the other.
    """
    arguments.text("control", text, "its name, such as 'random_reinit'")
    control = Control(tuple(_parsed(part) for part in text.split("+")))
    _check_order(text, control)
    if len(control.key.encode()) > _LONGEST:
        raise LotteryError(
            f"control {shown(text)} is longer than the name of a directory may be: "
            "name what it reads by a shorter path, such as a relative one."
        )
    given = [key for _, found in control.steps for key in found]
    if len(set(given)) < len(given):
        raise LotteryError(
            f"control {shown(text)} gives a parameter twice: give it once."
        )
    return control


def _check_order(text: str, control: Control) -> None:
    """Refuses a step that would undo one before it."""
    before: tuple[str, registry.Change] | None = None
    for name, _ in control.steps:
        transform = registry.REGISTRY.get(name)
        if transform.change is None:
            continue
        if before is not None and (
            transform.change < before[1]
            or transform.change == before[1] != registry.Change.WEIGHTS
            or (transform.own_mask and before[1] < registry.Change.START)
        ):
            raise LotteryError(
                f"control {shown(text)}: {name} would undo {before[0]}, or does not go "
                "with it: apply one mask, then one start, then noise, as in "
                "one_shot+random_reinit."
            )
        before = name, transform.change


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    name, *settings = written.parts(text)
    if name not in names():
        raise registry.REGISTRY.unknown(f"control {shown(name)}")
    signature = inspect.signature(registry.REGISTRY.get(name).function)
    known = {
        key: parameter.default
        for key, parameter in signature.parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    found = {key: value for key, value in known.items() if _is_set(value)}
    found |= written.read("control", text, settings, known)
    missing = [key for key in known if known[key] is inspect.Parameter.empty]
    if lacking := [key for key in missing if key not in found]:
        raise LotteryError(
            f"control {shown(text)} needs a value: write {name}:{lacking[0]}=..."
        )
    return name, found


def _joined(steps: Iterable[tuple[str, dict[str, Any]]]) -> str:
    return "+".join(
        ",".join([name, *(f"{k}={written.escaped(v)}" for k, v in found.items())])
        for name, found in steps
    )


def _places(name: str) -> tuple[str, ...]:
    return registry.REGISTRY.get(name).places


def _is_set(default: Any) -> bool:
    return default is not inspect.Parameter.empty and default is not None


def check_level(control: Control, level: int, first: int, last: int) -> int:
    """The level, at whose density a control can be run.

    Args:
        control: the control.
        level: what was asked for.
        first: the first pruned level of the search.
        last: its last level.

    Raises:
        LotteryError: the search has no such level, or it is dense and the control is
            one of what a mask prunes.
    """
    if control.dense:
        meaning = "a level of the search"
        return arguments.count("level", level, 0, meaning, last)
    meaning = "a pruned level of the search"
    return arguments.count("level", level, first, meaning, last)


def seed_of(seed: int, name: str, *numbers: int) -> int:
    """A seed of its own for each control run, the same on every machine."""
    key = [seed, *name.encode(), *numbers]
    return int(np.random.SeedSequence(key).generate_state(1)[0]) % 2**31
