"""Controls of another mask: random, in one shot, at initialisation, strategy 2."""

from __future__ import annotations

import dataclasses

import numpy as np

from lth_keras.controls import continued as strategy_2
from lth_keras.controls.registry import Case, Change, largest, register
from lth_keras.masking.weights import pruned_weights_of
from lth_keras.pruning import criteria, ranking
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import pruned_places, values_of, with_values


@register("random_mask", change=Change.MASK)
def random_mask(search: LotterySearch, case: Case, seed: int) -> Case:
    """A random mask that keeps as many weights of each tensor, on theta_k.

    Every tensor keeps the ticket's density, also in global scope.
    """
    rng = np.random.default_rng(seed)
    chosen = [
        ranking.shrink(rng.random(mask.shape), np.ones_like(mask), int(mask.sum()))
        for _, mask in case.ticket.pruned()
    ]
    return case._replace(
        ticket=with_values(case.ticket, values_of(search.theta), chosen)
    )


@register("one_shot", change=Change.MASK)
def one_shot(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask of a single round on the trained dense network, on theta_k.

    It ranks by the search's criterion and keeps as many weights of each tensor (of
    all together in global scope) as the ticket (1803.03635, section 2).
    """
    name = pruned_weights_of(search.trainable_model())[0].wrapper.criterion
    initial, trained = values_of(search.ticket(0)), search.trained_weights(0)
    rng = np.random.default_rng(seed)
    scores = [
        criteria.get(name)(initial[index], trained[index], rng)
        for index in pruned_places(case.ticket)
    ]
    chosen = largest(search, case.ticket, scores)
    return case._replace(
        ticket=with_values(case.ticket, values_of(search.theta), chosen)
    )


@register("prune_at_init", change=Change.MASK)
def prune_at_init(search: LotterySearch, case: Case, seed: int) -> Case:
    """Magnitude pruning of theta_0 before any training (1803.03635, appendix F.4).

    It keeps as many weights of each tensor (of all together in global scope) as the
    ticket, and trains from theta_0 at step 0.
    """
    first = search.ticket(0)
    values = values_of(first)
    scores = [np.abs(values[index]) for index in pruned_places(case.ticket)]
    ticket = with_values(case.ticket, values, largest(search, case.ticket, scores))
    return case._replace(
        ticket=dataclasses.replace(ticket, step=0, optimizer=first.optimizer)
    )


@register("continued", check=strategy_2.check, change=Change.MASK, shares=True)
def continued(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask of continued training, strategy 2 (1803.03635, appendix B), on theta_k.

    A network is trained, pruned and trained on without being reset, by stock tfmot
    with `IterativePruning`; only the mask of this level is reset to theta_k.

    Raises:
        LotteryError: stock tfmot cannot prune as the search did.
    """
    chosen = strategy_2.masks_at(search, case.plan, case.ticket.level)
    return case._replace(
        ticket=with_values(case.ticket, values_of(search.theta), chosen)
    )
