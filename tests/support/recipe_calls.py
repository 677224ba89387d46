"""The calls of `lth.budgets` and `lth.recipes`, as `public_calls` has all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lth_keras as lth

# A function, arguments that it takes, and names of those that are the user's code.
Made = tuple[Callable[..., Any], Mapping[str, Any], frozenset[str]]

_NONE: frozenset[str] = frozenset()
_ROUNDS = {"density": 0.5, "rounds": 2}
_OWN = {"density": 0.5, "share": sum, "rounds": 1}
_SHARES = {"rounds": 0.5, "length": 0.5}

BUDGETS: list[Made] = [
    (lth.budgets.uniform, _ROUNDS, _NONE),
    (lth.budgets.erk, _ROUNDS, _NONE),
    (lth.budgets.erdos_renyi, _ROUNDS, _NONE),
    (lth.budgets.Budget, _OWN, frozenset({"share"})),
]
RECIPES: list[Made] = [
    (lth.recipes.thrifty, _SHARES, _NONE),
    (lth.recipes.Course, _SHARES, _NONE),
    (lth.recipes.parse, {"asked": "thrifty"}, _NONE),
]
