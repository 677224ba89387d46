"""Controls: the runs a ticket is compared with, each a seeded transform of it.

A control maps (search, ticket, rng seed) to the ticket that is trained in its place;
everything else (data, iterations, optimizer, evaluation) stays the search's own.

    @controls.register("my_control")
    def my_control(search, ticket, seed):
        return dataclasses.replace(ticket, weights=...)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from lth_keras import checks, directories, files, masks, plans, training
from lth_keras.compat import LotteryError
from lth_keras.search import LotterySearch
from lth_keras.ticket import Ticket
from lth_keras.weights import weights_of
from lth_keras.wrapping import reinitialised

Control = Callable[[LotterySearch, Ticket, int], Ticket]

_REGISTRY: dict[str, Control] = {}


def register(name: str) -> Callable[[Control], Control]:
    """Registers a control under the name that result lines carry."""

    def add(function: Control) -> Control:
        _REGISTRY[name] = function
        return function

    return add


def names() -> tuple[str, ...]:
    """The registered controls, in alphabetical order."""
    return tuple(sorted(_REGISTRY))


def get(name: str) -> Control:
    """The control called `name`.

    Raises:
        LotteryError: no such control.
    """
    if name not in _REGISTRY:
        raise LotteryError(
            f"control {name!r} is not known: use one of {', '.join(names())}."
        )
    return _REGISTRY[name]


@register("random_reinit")
def random_reinit(search: LotterySearch, ticket: Ticket, seed: int) -> Ticket:
    """The ticket's mask on newly drawn initial weights (1803.03635, section 2).

    Every weight of the network is drawn again from its layer's initialiser, biases
    and normalisation parameters too; the optimizer starts afresh at step 0. What
    layers that do not train were given or adapted to stays (`reinitialised`).
    """
    model = search.trainable_model()
    fresh = [w.read() for w in weights_of(reinitialised(model, seed))]
    return dataclasses.replace(
        ticket,
        weights=tuple(
            dataclasses.replace(
                weight,
                value=value if weight.mask is None else masks.apply(value, weight.mask),
            )
            for weight, value in zip(ticket.weights, fresh, strict=True)
        ),
        step=0,
        optimizer=search.ticket(0).optimizer,
    )


def run(
    search: LotterySearch,
    name: str,
    levels: Iterable[int] | None = None,
    replicates: int = 1,
) -> list[dict[str, Any]]:
    """Trains a control at the density of each level, and stores it with the search.

    The model holds the trained weights of the search's last level again then.

    Args:
        search: a search whose `fit` has returned in this process; its callbacks see
            the controls too.
        name: a registered control.
        levels: levels whose masks are used; 1 to the last by default.
        replicates: runs per level, each with a seed and data order of its own.

    Returns:
        The result lines, stored ones included.

    Raises:
        LotteryError: no such control, or the search has not been fitted.
    """
    control = get(name)
    plan = search.plan
    if plan is None or search.model is None:
        raise LotteryError(
            "controls train as the search did: call search.fit with its arguments "
            "first (finished levels are not trained again)."
        )
    checks.check_count("replicates", replicates, 1, "the runs per level")
    levels = range(1, search.levels + 1) if levels is None else levels
    rows, trained = [], False
    with directories.lock(search.directory.root):
        directories.clean_leftovers(search.directory.root)
        for level in levels:
            for replicate in range(replicates):
                place = search.directory.control(name, level, replicate)
                if files.exists(place.result):
                    rows.append(files.read_json(place.result))
                    continue
                seed = _seed(search.seed, name, level, replicate)
                ticket = control(search, search.ticket(level), seed)
                ticket.save(place.ticket, overwrite=True)
                row = training.carry_out(
                    search.model,
                    ticket,
                    plan,
                    plans.Run(level, name, replicate, {}, data_seed=seed),
                    place,
                )
                trained = True
                search.store_results(row)
                rows.append(row)
        if trained:
            search.restore(search.levels)
    return rows


def _seed(seed: int, name: str, level: int, replicate: int) -> int:
    """A seed of its own for each control run, the same on every machine."""
    key = [seed, *name.encode(), level, replicate]
    return int(np.random.SeedSequence(key).generate_state(1)[0]) % 2**31
