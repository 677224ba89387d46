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

from lth_keras.arguments import among, count, listed, switch
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning.registries import Registry

Array = np.ndarray
Generator = np.random.Generator
Function = Callable[..., Any]  # an array of scores, or a list of such arrays

# What a criterion may ask for besides the trained weights.
NEEDS = ("initial", "gradients")
# Steps of a round; beyond these nothing becomes finer.
MOST_ROUNDS = 10_000
_NEEDED = "'initial' or 'gradients', or several in a tuple"


class Criterion(NamedTuple):
    """A registered score function.

    Attributes:
        function: f(initial, trained, rng) -> scores; with "gradients" among its needs
            f(initial, trained, rng, gradients).
        needs: what it reads, of `NEEDS`.
        whole: whether it sees the whole network: f(context) -> all scores.
        rounds: in how many steps a round of pruning is taken by it.
        elementwise: whether the score of an entry is of that entry alone.
    """

    function: Function
    needs: frozenset[str]
    whole: bool = False
    rounds: int = 1
    elementwise: bool = False


REGISTRY: Registry[Criterion] = Registry("criterion")


def register(
    name: str,
    needs: Iterable[str] | bool | None = None,
    *,
    needs_initial: bool | None = None,
    whole: bool = False,
    rounds: int = 1,
    elementwise: bool = False,
    replace: bool = False,
) -> Callable[[Function], Function]:
    """Registers a score function under `name`; the highest scores are kept.

    The function gets, of one weight tensor, `initial` and `trained`, float arrays of
    its shape, and `rng`, a NumPy generator; with ``needs=("gradients",)`` also
    `gradients`, the mean gradient of the loss at the trained weights. It returns an
    array of scores of that shape.

    One that sees the whole network (``whole=True``) is f(context) -> a list of scores,
    an array for each prunable weight tensor; see `Context` for what it may read.

    Args:
        name: what `wrap(criterion=...)` is given: letters, digits and underscores.
        needs: what the function reads of "initial" and "gradients". One that reads
            the initial weights (the default) can only be used where they were
            captured, one that reads gradients only where there are data. One of the
            whole network reads neither unless it says so.
        needs_initial: the same for "initial" alone; older code has it, and has it in
            the place of `needs` too.
        whole: whether it sees the whole network.
        rounds: of one of the whole network, how many steps a round of pruning is
            taken in: scores are computed anew after each, and what is kept falls by
            the same factor each time (2006.05467, algorithm 1).
        elementwise: whether the score of an entry depends on the same entry of
            `initial` and `trained` alone, and nothing is drawn. The function then gets
            flat pieces of them, which it may not write, some of them several times,
            and no array of all scores is ever held.
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
    whole = switch("whole", whole)
    rounds = count("rounds", rounds, 1, "the steps of a round", MOST_ROUNDS)
    if rounds > 1 and not whole:
        raise LotteryError(
            f"criterion {name!r}: rounds={rounds} is for criteria of the whole "
            "network: pass whole=True, or leave it out."
        )
    elementwise = switch("elementwise", elementwise)
    if whole and needs is None:
        needs = ("initial",) if needs_initial else ()
    wanted = _checked_needs(name, needs, needs_initial)
    if elementwise and (whole or "gradients" in wanted):
        raise LotteryError(
            f"criterion {name!r}: elementwise=True is for criteria of initial and "
            "trained weights, one tensor at a time: leave it out."
        )

    def add(function: Function) -> Function:
        arguments = ["context"] if whole else ["initial", "trained", "rng"]
        if "gradients" in wanted and not whole:
            arguments.append("gradients")
        _check_signature(name, function, arguments)
        REGISTRY.add(
            name, Criterion(function, wanted, whole, rounds, elementwise), replace
        )
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


def of(name: str) -> Criterion:
    """The criterion called `name`, with what was said of it.

    Raises:
        LotteryError: no such criterion.
    """
    return REGISTRY.get(name)


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


def _check_signature(name: str, function: Function, arguments: list[str]) -> None:
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
