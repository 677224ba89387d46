"""The registered score functions, each checked when it is registered.

@lth.criteria.register("my_rule", needs=())
def my_rule(initial, trained, rng):
    return np.abs(trained) ** 2
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from lth_keras.arguments import among, listed, switch
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning.registries import Registry

Array = np.ndarray
Generator = np.random.Generator
Function = Callable[..., Array]

# What a criterion may ask for besides the trained weights.
NEEDS = ("initial", "gradients")
_NEEDED = "'initial' or 'gradients', or several in a tuple"


class Criterion(NamedTuple):
    """A registered score function.

    Attributes:
        function: f(initial, trained, rng) -> scores; with "gradients" among its needs
            f(initial, trained, rng, gradients).
        needs: what it reads, of `NEEDS`.
    """

    function: Function
    needs: frozenset[str]


REGISTRY: Registry[Criterion] = Registry("criterion")


def register(
    name: str,
    needs: Iterable[str] | bool | None = None,
    *,
    needs_initial: bool | None = None,
    replace: bool = False,
) -> Callable[[Function], Function]:
    """Registers a score function under `name`; the highest scores are kept.

    The function gets, of one weight tensor, `initial` and `trained`, float arrays of
    its shape, and `rng`, a NumPy generator; with ``needs=("gradients",)`` also
    `gradients`, the mean gradient of the loss at the trained weights. It returns an
    array of scores of that shape.

    Args:
        name: what `wrap(criterion=...)` is given: letters, digits and underscores.
        needs: what the function reads of "initial" and "gradients". One that reads
            the initial weights (the default) can only be used where they were
            captured, one that reads gradients only where there are data.
        needs_initial: the same for "initial" alone; older code has it, and has it in
            the place of `needs` too.
        replace: whether a criterion of that name may be replaced.

    Raises:
        LotteryError: the name is taken or cannot be one, `needs` names something
            else, or the function does not take these arguments.
    """
    REGISTRY.check_name(name)
    replace = switch("replace", replace)
    if needs_initial is not None:
        needs_initial = switch("needs_initial", needs_initial)
    if isinstance(needs, bool):
        needs, needs_initial = None, needs
    wanted = _checked_needs(name, needs, needs_initial)

    def add(function: Function) -> Function:
        _check_signature(name, function, wanted)
        REGISTRY.add(name, Criterion(function, wanted), replace)
        return function

    return add


def names() -> tuple[str, ...]:
    """The registered criteria, in alphabetical order."""
    return REGISTRY.names()


def get(name: str) -> Function:
    """The score function called `name`.

    Raises:
        LotteryError: no such criterion.
    """
    return REGISTRY.get(name).function


def needs(name: str) -> frozenset[str]:
    """What the criterion reads besides the trained weights, of `NEEDS`."""
    return REGISTRY.get(name).needs


def needs_initial(name: str) -> bool:
    """Whether the criterion reads the weights' initial values."""
    return "initial" in needs(name)


def _checked_needs(
    name: str, needs: Iterable[str] | None, needs_initial: bool | None
) -> frozenset[str]:
    if needs is None:
        return frozenset(() if needs_initial is False else ("initial",))
    several = isinstance(needs, Iterable) and not isinstance(needs, str)
    wanted = listed("needs", needs, _NEEDED) if several else [needs]
    if unknown := [_said(need) for need in wanted if not among(need, NEEDS)]:
        raise LotteryError(
            f"criterion {name!r}: needs={', '.join(unknown)} is not known: use "
            f"{' or '.join(NEEDS)}, or several in a tuple."
        )
    return frozenset([*wanted, *(["initial"] if needs_initial else [])])


def _said(need: Any) -> str:
    return need if isinstance(need, str) else shown(need)


def _check_signature(name: str, function: Function, needs: frozenset[str]) -> None:
    arguments = ["initial", "trained", "rng"]
    arguments += ["gradients"] if "gradients" in needs else []
    wanted = f"f({', '.join(arguments)}) -> scores"
    if not callable(function):
        raise LotteryError(f"criterion {name!r} is no function: write {wanted}.")
    try:
        signature = inspect.signature(function)
    except ValueError:  # a builtin that does not tell
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        raise LotteryError(
            f"criterion {name!r} takes {signature}: write {wanted}."
        ) from None
