"""The controls themselves: each a seeded transform of (ticket, training plan).

A transform gets the search, a case and a seed, and returns the case that is trained in
its place. One function is one control; its keyword arguments are its parameters:

    @controls.register("scaled")
    def scaled(search, case, seed, *, factor: float = 0.5):
        return case._replace(ticket=...)

It is run as "scaled" or "scaled:factor=2".
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from lth_keras.arguments import switch
from lth_keras.errors import LotteryError, shown
from lth_keras.pruning.registries import Registry
from lth_keras.tickets.ticket import Ticket
from lth_keras.training.plan import Plan


class Case(NamedTuple):
    """What is trained, and how.

    Attributes:
        ticket: the mask, the weights and the optimizer state to start from, and the
            training step that these are of.
        plan: data, length, evaluation and learning rate of the training.
    """

    ticket: Ticket
    plan: Plan


class Change(enum.IntEnum):
    """What a transform decides, in the order in which several may be applied.

    A mask brings the weights that it is trained from, PLACES are where in each tensor
    its weights lie, and a start replaces these: in another order, or twice, one would
    undo the other.
    """

    MASK = 0
    PLACES = 1
    START = 2
    WEIGHTS = 3


class Transform(NamedTuple):
    """A registered control.

    Attributes:
        function: f(search, case, seed, **parameters) -> Case.
        check: f(model, iterations, **parameters), which refuses what cannot be run
            before anything is trained; `iterations` is None where only `fit` knows.
        change: what it decides; None may stand anywhere.
        shares: whether its runs at several levels share training of their own, so
            that they are carried out one after another.
        once: whether the first of these runs trains all that they share.
        own_mask: whether it goes with the search's own masks alone.
        trained: whether it takes something of networks that were trained before the
            level, which a search with first="prune" has none of.
        later: whether it begins from the weights that the level before ended with, of
            any level.
        dense: whether it says something of a dense network too, and so goes with
            level 0.
        places: names of parameters that say where something lies; they decide no
            seed, so that what is moved gives the same results.
    """

    function: Callable[..., Case]
    check: Callable[..., None] | None = None
    change: Change | None = None
    shares: bool = False
    own_mask: bool = False
    trained: bool = False
    dense: bool = False
    once: bool = False
    later: bool = False
    places: tuple[str, ...] = ()


REGISTRY: Registry[Transform] = Registry("control")

_Function = Callable[..., Case]


def register(
    name: str, *, replace: bool = False, **about: Any
) -> Callable[[_Function], _Function]:
    """Registers a transform under the name that result lines carry.

    Args:
        name: letters, digits and underscores.
        replace: whether a control of that name may be replaced.
        **about: attributes of `Transform`, all of which have defaults.

    Raises:
        LotteryError: the name is taken or cannot be one, an attribute is not known,
            or the function does not take a search, a case, a seed and parameters by
            name.
    """
    REGISTRY.check_name(name)
    replace = switch("replace", replace)
    if unknown := sorted(set(about) - set(Transform._fields[1:])):
        raise LotteryError(
            f"control {name!r}: {', '.join(unknown)} is not known: use "
            f"{', '.join(Transform._fields[1:])}."
        )
    _check_about(name, about)

    def add(function: _Function) -> _Function:
        _check_signature(name, function)
        REGISTRY.add(name, Transform(function, **about), replace)
        return function

    return add


def _check_about(name: str, about: dict[str, Any]) -> None:
    check, change = about.get("check"), about.get("change")
    fits = check is None or callable(check)
    fits = fits and (change is None or isinstance(change, Change))
    if not fits:
        raise LotteryError(
            f"control {name!r}: check is a function f(model, iterations, "
            "**parameters), and change one of Change.MASK, PLACES, START and WEIGHTS, "
            "or None."
        )
    for flag in ("shares", "own_mask", "trained", "dense", "once", "later"):
        switch(flag, about.get(flag, False))
    places = about.get("places", ())
    if not isinstance(places, tuple) or not all(isinstance(p, str) for p in places):
        raise LotteryError(
            f"control {name!r}: places={shown(places)}: give names of parameters, as "
            '("ticket",).'
        )


def _check_signature(name: str, function: Any) -> None:
    wanted = "write f(search, case, seed, *, parameter=default) -> Case."
    if not callable(function):
        raise LotteryError(f"control {name!r} is no function: {wanted}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise LotteryError(
            f"control {name!r} does not say what it takes: {wanted}"
        ) from None
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    named = kinds.count(inspect.Parameter.KEYWORD_ONLY)
    try:
        signature.bind_partial(None, None, None)
        fits = len(kinds) == 3 + named
    except TypeError:
        fits = False
    if not fits:
        raise LotteryError(f"control {name!r} takes {signature}: {wanted}")
