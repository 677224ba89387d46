"""What is kept or pruned as one: a single weight, for now; a filter or block may come.

A granularity is one class. It says what the units of a tensor are, what they are
worth, and which weights belong to those that are kept; criteria, scopes and counts know
nothing of it.

    @granularity.register("row")
    class Row(granularity.Granularity):
        def pool(self, scores):
            return np.abs(scores).sum(axis=-1)
        def units(self, mask):
            return mask.any(axis=-1)
        def spread(self, kept, mask):
            return kept[..., np.newaxis] & mask
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError, check_name
from lth_keras.pruning import counts


class Granularity:
    """Single weights, and what other granularities override.

    Args:
        *parameters: the groups of the pattern that it is registered with, as text.
    """

    def check(self, path: str, shape: tuple[int, ...]) -> None:
        """Refuses a tensor that has no such units.

        Args:
            path: of the weight tensor, for the error.
            shape: of the weight tensor.

        Raises:
            LotteryError: says which shapes are allowed.
        """

    def pool(self, scores: np.ndarray) -> np.ndarray:
        """One score a unit, of the scores of a tensor's weights."""
        return scores

    def units(self, mask: np.ndarray) -> np.ndarray:
        """A boolean per unit: whether the mask keeps any of it."""
        return mask

    def spread(self, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The new mask: of what `mask` keeps, the units that are kept."""
        return kept

    def keep(self, surviving: int, rate: float) -> int:
        """How many of the surviving units a round keeps."""
        return counts.keep_count(surviving, rate)


_REGISTRY: dict[str, tuple[re.Pattern[str], Callable[..., Granularity]]] = {}


def register(
    name: str, pattern: str | None = None, replace: bool = False
) -> Callable[[type[Granularity]], type[Granularity]]:
    """Registers a subclass of `Granularity` under a name, or a pattern of names.

    Args:
        name: what `wrap(granularity=...)` is given, and errors show, such as "filter":
            letters, digits and underscores.
        pattern: regular expression of what may be given instead, such as
            ``r"block:(\\d+)x(\\d+)"``; its groups go to the constructor.
        replace: whether a granularity of that name may be replaced.

    Raises:
        LotteryError: the name is taken or none, or what is registered is no
            granularity.
    """

    def add(made: type[Granularity]) -> type[Granularity]:
        if not (isinstance(made, type) and issubclass(made, Granularity)):
            raise LotteryError(
                f"granularity {name!r} is {made!r}: register a subclass of Granularity."
            )
        taken = {} if replace else {n: kind for n, (_, kind) in _REGISTRY.items()}
        check_name("granularity", name, made, taken)
        _REGISTRY[name] = re.compile(pattern or re.escape(name)), made
        return made

    return add


def names() -> tuple[str, ...]:
    """The registered granularities, in alphabetical order."""
    return tuple(sorted(_REGISTRY))


def get(text: Any) -> Granularity:
    """The granularity that `text` names, with its parameters.

    Raises:
        LotteryError: no such granularity.
    """
    for pattern, made in _REGISTRY.values():
        found = pattern.fullmatch(text) if isinstance(text, str) else None
        if found:
            return made(*found.groups())
    raise LotteryError(
        f"granularity={text!r} is not known: use one of {', '.join(names())}."
    )


register("weight")(Granularity)
