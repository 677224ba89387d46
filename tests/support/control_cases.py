"""What tests of controls share: a small search, a control applied to it, oracles."""

from __future__ import annotations

import numpy as np

import lth_keras as lth
from lth_keras.controls import running as controls
from lth_keras.controls import syntax
from tests.support import small_search as small

X, Y = small.data()

LEVEL, STEPS = 2, 5  # the level looked at; iterations of a run


def search(directory, model=None, levels=LEVEL, **arguments) -> lth.LotterySearch:
    found = lth.LotterySearch(
        model or small.kept(), levels, str(directory), **arguments
    )
    found.fit(X, Y, batch_size=10, epochs=1, verbose=0)
    return found


def applied(one: lth.LotterySearch, text: str, level=LEVEL, seed=5) -> controls.Case:
    case, control = controls.Case(one.ticket(level), one.plan), syntax.parse(text)
    control.check(one.model, one.plan.iterations)
    return control.apply(one, case, seed)


def values(ticket: lth.Ticket) -> list[np.ndarray]:
    return [weight.value for weight in ticket.weights]


def masks(ticket: lth.Ticket) -> list[np.ndarray | None]:
    return [weight.mask for weight in ticket.weights]


def on(start: list[np.ndarray], given: list[np.ndarray | None]) -> list[np.ndarray]:
    """The values with +0.0 where there is a mask that prunes: the oracle."""
    return [
        v if m is None else small.masked(v, m)
        for v, m in zip(start, given, strict=True)
    ]


def largest(scores: np.ndarray, keep: int) -> np.ndarray:
    """The `keep` highest scores by sorting, lower index first among equals."""
    order = sorted(range(scores.size), key=lambda i: (-scores.flat[i], i))
    found = np.zeros(scores.size, bool)
    found[order[:keep]] = True
    return found.reshape(scores.shape)
