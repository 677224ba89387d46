"""The controls themselves: each a seeded transform of (ticket, training plan).

A transform gets the search, a case and a seed, and returns the case that is trained in
its place. One function is one control; its keyword arguments are its parameters:

    @controls.register("scaled")
    def scaled(search, case, seed, *, factor: float = 0.5):
        return case._replace(ticket=...)

It is run as "scaled" or "scaled:factor=2".
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from lth_keras.compat import LotteryError
from lth_keras.controls import continued as strategy_2
from lth_keras.controls import replays
from lth_keras.masking import schedules
from lth_keras.masking.weights import pruned_weights_of, weights_of
from lth_keras.masking.wrapping import reinitialised
from lth_keras.pruning import masks
from lth_keras.pruning.criteria import registry as criteria
from lth_keras.search.search import LotterySearch
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

    A mask brings the weights that it is trained from, and a start replaces them: in
    another order, or twice, one would undo the other.
    """

    MASK = 0
    START = 1
    WEIGHTS = 2


class Transform(NamedTuple):
    """A registered control.

    Attributes:
        function: f(search, case, seed, **parameters) -> Case.
        check: f(model, iterations, **parameters), which refuses what cannot be run
            before anything is trained; `iterations` is None where only `fit` knows.
        change: what it decides; None may stand anywhere.
        shares: whether its runs at several levels share training of their own, so
            that they are carried out one after another.
        own_mask: whether it goes with the search's own masks alone.
    """

    function: Callable[..., Case]
    check: Callable[..., None] | None = None
    change: Change | None = None
    shares: bool = False
    own_mask: bool = False


REGISTRY: dict[str, Transform] = {}

_Function = Callable[..., Case]


def register(name: str, **about: Any) -> Callable[[_Function], _Function]:
    """Registers a transform under the name that result lines carry.

    Args:
        name: letters, digits and underscores.
        **about: attributes of `Transform`, all of which have defaults.
    """

    def add(function: _Function) -> _Function:
        REGISTRY[name] = Transform(function, **about)
        return function

    return add


def _check_source(model: Any, iterations: Any, *, source: str | None = None) -> None:
    if source not in (None, "survivors"):
        raise LotteryError(
            f"random_reinit:source={source} is not known: use source=survivors, or "
            "leave it out to draw from the layers' initialisers."
        )


def _check_sigma(model: Any, iterations: Any, *, sigma: float = 0.5) -> None:
    if not 0 < sigma < float("inf"):
        raise LotteryError(f"noise:sigma={sigma:g} is not allowed: use one above 0.")


def _check_step(model: Any, iterations: int | None, *, step: str) -> None:
    # Epochs are known when the data are.
    at = 0 if step.endswith("ep") else schedules.parse_step(step, None, "step")
    if iterations is not None and at >= iterations:
        raise LotteryError(
            f"weight_rewind:step={step} is past the end of a run of {iterations} "
            "iterations: choose an earlier one."
        )


@register("random_reinit", check=_check_source, change=Change.START)
def random_reinit(
    search: LotterySearch, case: Case, seed: int, *, source: str | None = None
) -> Case:
    """The ticket's mask on newly drawn initial weights (1803.03635, section 2).

    Every weight of the network is drawn again from its layer's initialiser, biases
    and normalisation parameters too; the optimizer starts afresh at step 0. What
    layers that do not train were given or adapted to stays (`reinitialised`).

    Args:
        source: "survivors" draws pruned weights, with replacement, from the initial
            values of those that the mask keeps in the same tensor, the paper's D_m
            (appendix F.3).
    """
    model = search.trainable_model()
    values = [w.read() for w in weights_of(reinitialised(model, seed))]
    first = search.ticket(0)
    if source == "survivors":
        rng = np.random.default_rng(seed)
        for index, weight in enumerate(case.ticket.weights):
            if weight.mask is not None:
                pool = first.weights[index].value[weight.mask]
                # In global scope a tensor may have run empty.
                if pool.size:
                    values[index] = rng.choice(pool, size=weight.value.shape)
    ticket = _on(case.ticket, values)
    return case._replace(
        ticket=dataclasses.replace(ticket, step=0, optimizer=first.optimizer)
    )


@register("random_mask", change=Change.MASK)
def random_mask(search: LotterySearch, case: Case, seed: int) -> Case:
    """A random mask that keeps as many weights of each tensor, on theta_k.

    Every tensor keeps the ticket's density, also in global scope.
    """
    rng = np.random.default_rng(seed)
    chosen = [
        masks.shrink(rng.random(mask.shape), np.ones_like(mask), int(mask.sum()))
        for _, mask in case.ticket.pruned()
    ]
    return case._replace(ticket=_on(case.ticket, _values(search.theta), chosen))


@register("one_shot", change=Change.MASK)
def one_shot(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask of a single round on the trained dense network, on theta_k.

    It ranks by the search's criterion and keeps as many weights of each tensor (of
    all together in global scope) as the ticket (1803.03635, section 2).
    """
    name = pruned_weights_of(search.trainable_model())[0].wrapper.criterion
    initial, trained = _values(search.ticket(0)), search.trained_weights(0)
    rng = np.random.default_rng(seed)
    scores = [
        criteria.get(name)(initial[index], trained[index], rng)
        for index in _pruned_places(case.ticket)
    ]
    chosen = _largest(search, case.ticket, scores)
    return case._replace(ticket=_on(case.ticket, _values(search.theta), chosen))


@register("prune_at_init", change=Change.MASK)
def prune_at_init(search: LotterySearch, case: Case, seed: int) -> Case:
    """Magnitude pruning of theta_0 before any training (1803.03635, appendix F.4).

    It keeps as many weights of each tensor (of all together in global scope) as the
    ticket, and trains from theta_0 at step 0.
    """
    first = search.ticket(0)
    values = _values(first)
    scores = [np.abs(values[index]) for index in _pruned_places(case.ticket)]
    ticket = _on(case.ticket, values, _largest(search, case.ticket, scores))
    return case._replace(
        ticket=dataclasses.replace(ticket, step=0, optimizer=first.optimizer)
    )


@register("noise", check=_check_sigma, change=Change.WEIGHTS)
def noise(search: LotterySearch, case: Case, seed: int, *, sigma: float = 0.5) -> Case:
    """Gaussian noise on the ticket's initial weights (1803.03635, appendix F.7).

    Args:
        sigma: standard deviation of the noise, in standard deviations of theta_0 of
            the same tensor; above 0. Weights that cannot be pruned get none.
    """
    rng = np.random.default_rng(seed)
    initial, values = _values(search.ticket(0)), _values(case.ticket)
    for index in _pruned_places(case.ticket):
        scale = sigma * np.std(initial[index], dtype=np.float64)
        drawn = rng.normal(0.0, scale, values[index].shape)
        values[index] = (values[index] + drawn).astype(values[index].dtype)
    return case._replace(ticket=_on(case.ticket, values))


@register("continued", check=strategy_2.check, change=Change.MASK, shares=True)
def continued(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask of continued training, strategy 2 (1803.03635, appendix B), on theta_k.

    A network is trained, pruned and trained on without being reset, by stock tfmot
    with `IterativePruning`; only the mask of this level is reset to theta_k.

    Raises:
        LotteryError: stock tfmot cannot prune as the search did.
    """
    chosen = strategy_2.masks_at(search, case.plan, case.ticket.level)
    return case._replace(ticket=_on(case.ticket, _values(search.theta), chosen))


@register("fine_tune", change=Change.START, own_mask=True)
def fine_tune(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask on the weights it was found in, at the last learning rate (2003.02389).

    The trained weights of the level before are trained on for a whole run, at the
    rate of its schedule's last step; the optimizer's moments start afresh, as no
    level stores them.

    Raises:
        LotteryError: the length of a run is not known.
    """
    length = case.plan.iterations
    if length is None:
        raise LotteryError(
            "fine_tune needs the length of a run: pass steps_per_epoch to search.fit."
        )
    ticket = _on(case.ticket, search.trained_weights(case.ticket.level - 1))
    first = search.ticket(0)
    return Case(
        dataclasses.replace(ticket, step=0, optimizer=first.optimizer),
        dataclasses.replace(case.plan, after=length),
    )


@register("lr_rewind", change=Change.START, own_mask=True)
def lr_rewind(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask on the weights it was found in, the schedule rewound (2003.02389).

    As `fine_tune`, but learning rate and optimizer begin at the ticket's own step.
    """
    values = search.trained_weights(case.ticket.level - 1)
    return case._replace(ticket=_on(case.ticket, values))


@register("weight_rewind", check=_check_step, change=Change.START, shares=True)
def weight_rewind(search: LotterySearch, case: Case, seed: int, *, step: str) -> Case:
    """Weights, schedule and optimizer rewound to another step (2003.02389).

    The dense network is trained again up to that step, unless the search itself
    rewinds to it.

    Args:
        step: "500it" or "2ep", before the end of a run.

    Raises:
        LotteryError: the step is no point in a run, or data cannot begin there.
    """
    at = schedules.parse_step(step, case.plan.feed.steps_per_epoch, "step")
    source = replays.theta_at(search, case.plan, at)
    fresh = search.fresh_optimizer
    optimizer = search.ticket(0).optimizer if fresh else source.optimizer
    ticket = _on(case.ticket, _values(source))
    return case._replace(
        ticket=dataclasses.replace(ticket, step=at, optimizer=optimizer)
    )


def _values(ticket: Ticket) -> list[np.ndarray]:
    return [weight.value for weight in ticket.weights]


def _pruned_places(ticket: Ticket) -> list[int]:
    """Positions of the prunable weights among all."""
    return [i for i, weight in enumerate(ticket.weights) if weight.mask is not None]


def _on(
    ticket: Ticket,
    values: Iterable[np.ndarray],
    chosen: Iterable[np.ndarray] | None = None,
) -> Ticket:
    """The ticket with other values, and with other masks if any are given."""
    new = iter(chosen) if chosen is not None else None
    found = []
    for weight, value in zip(ticket.weights, values, strict=True):
        mask = weight.mask
        if mask is not None:
            mask = mask if new is None else next(new)
            value = masks.apply(np.asarray(value), mask)
        found.append(dataclasses.replace(weight, value=value, mask=mask))
    return dataclasses.replace(ticket, weights=tuple(found))


def _largest(
    search: LotterySearch, ticket: Ticket, scores: list[Any]
) -> list[np.ndarray]:
    """Masks of the highest scores, as many as the ticket keeps, in the search's scope.

    Returns:
        One boolean mask per prunable weight.
    """
    kept = [int(mask.sum()) for _, mask in ticket.pruned()]
    dense = [np.ones_like(mask) for _, mask in ticket.pruned()]
    weights = pruned_weights_of(search.trainable_model())
    if weights[0].wrapper.scope == "global":
        return masks.shrink_together(scores, dense, sum(kept))
    return [masks.shrink(*each) for each in zip(scores, dense, kept, strict=True)]
