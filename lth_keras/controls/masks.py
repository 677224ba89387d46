"""Controls of another mask: random, in one shot, at initialisation, strategy 2.

Each is the search's own recipe with a field replaced, and keeps as many units as the
ticket does.
"""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any

import numpy as np

from lth_keras.controls.registry import Case, Change, register
from lth_keras.errors import LotteryError
from lth_keras.masking import scoring
from lth_keras.masking.network import Network
from lth_keras.masking.seen import Seen
from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values
from lth_keras.pruning.units import Arrays
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import values_of, with_values
from lth_keras.tickets.ticket import Ticket
from lth_keras.training.feeds import Feed

_KEEP = ("highest", "lowest")

# Each `fit` or `prepare` of a search makes its own feed; a control's plan has it too.
_GRADIENTS: weakref.WeakKeyDictionary[Feed, list[np.ndarray]] = (
    weakref.WeakKeyDictionary()
)


def _check_recipe(
    model: Any,
    iterations: Any,
    *,
    criterion: str | None = None,
    scope: str | None = None,
    keep: str | None = None,
) -> None:
    """Refuses a criterion, a scope or an end of the scores that is not known."""
    _varied(Network.of(model).recipe, criterion=criterion, scope=scope).check()
    if keep not in (None, *_KEEP):
        raise LotteryError(
            f"keep={keep} is not known: use keep=lowest, or keep=highest."
        )


def _varied(recipe: Recipe, **fields: Any) -> Recipe:
    """A recipe with those of the fields replaced that are given."""
    return dataclasses.replace(recipe, **{k: v for k, v in fields.items() if v})


def _masks(
    recipe: Recipe,
    search: LotterySearch,
    case: Case,
    trained: Arrays,
    seed: int,
    lowest: bool = False,
) -> list[np.ndarray]:
    """The masks that the recipe gives `trained` in one round.

    Args:
        recipe: what is kept.
        search: gives the initial weights.
        case: the ticket whose numbers are kept.
        trained: all weights of the network, in the ticket's order.
        seed: of criteria that draw.
        lowest: whether the lowest-scored are kept in the place of the highest.
    """
    network = search.network
    like = [mask for _, mask in case.ticket.pruned()]
    initial = None
    if "initial" in recipe.needs:
        initial = Seen(network).values(values_of(search.initial))
    if recipe.whole:
        # The network is set to what the criterion is to see.
        dense = [np.ones_like(mask) for mask in like]
        with_values(case.ticket, trained, dense).write_to(network)
        reads = "gradients" in recipe.needs
        return scoring.shrunk(
            network,
            recipe,
            initial=initial,
            seed=seed,
            data=search.pruning_data(case.plan, 1) if reads else None,
            like=like,
            lowest=lowest,
        )
    values = Values(
        trained=Seen(network).values(trained),
        initial=initial,
        gradients=_gradients(search, case) if "gradients" in recipe.needs else None,
        paths=[weight.path for weight, _ in case.ticket.pruned()],
    )
    scores = recipe.scores(values, np.random.default_rng(seed))
    if lowest:
        scores = [-np.asarray(score) for score in scores]
    dense = [np.ones_like(mask) for mask in like]
    return recipe.shrink_to(scores, dense, like, network.tensors)


def _gradients(search: LotterySearch, case: Case) -> list[np.ndarray]:
    """Of the trained dense network, on the data that the first round would see.

    They are the same for every level and replicate, so they are kept for as long as
    the search trains by this feed.
    """
    feed = case.plan.feed
    if feed not in _GRADIENTS:
        search.restore(0)
        data = search.pruning_data(case.plan, 1)
        _GRADIENTS[feed] = search.network.mean_gradients(data)
    return _GRADIENTS[feed]


def whole_at(search: LotterySearch, case: Case) -> Ticket:
    """The dense network of the step that a case starts from: theta_k, or theta_0."""
    theta = search.theta
    return theta if case.ticket.step == theta.step else search.initial


@register("random_mask", change=Change.PLACES)
def random_mask(search: LotterySearch, case: Case, seed: int) -> Case:
    """A random mask that keeps as many weights of each tensor, on theta_k.

    Every tensor keeps the ticket's density, also in global scope. After another mask,
    as in one_shot+random_mask, it is that mask shuffled within each tensor (2009.08576,
    section 5).
    """
    theta = values_of(whole_at(search, case))
    recipe = dataclasses.replace(
        search.network.recipe, criterion="random", scope="layer"
    )
    chosen = _masks(recipe, search, case, theta, seed)
    return case._replace(ticket=with_values(case.ticket, theta, chosen))


@register("one_shot", check=_check_recipe, change=Change.MASK, trained=True)
def one_shot(
    search: LotterySearch, case: Case, seed: int, *, criterion: str | None = None
) -> Case:
    """The mask of a single round on the trained dense network, on theta_k.

    It keeps as many weights of each tensor (of all together in global scope) as the
    ticket (1803.03635, section 2).

    Args:
        criterion: what it ranks by; the search's own by default.
    """
    recipe = _varied(search.network.recipe, criterion=criterion)
    chosen = _masks(recipe, search, case, search.trained_weights(0), seed)
    return case._replace(
        ticket=with_values(case.ticket, values_of(search.theta), chosen)
    )


@register("prune_at_init", check=_check_recipe, change=Change.MASK)
def prune_at_init(
    search: LotterySearch,
    case: Case,
    seed: int,
    *,
    criterion: str | None = None,
    scope: str | None = None,
    keep: str | None = None,
) -> Case:
    """The mask of theta_0 before any training (1803.03635, appendix F.4; 2009.08576).

    It keeps as many weights of each tensor (of all together in global scope) as the
    ticket, and trains from theta_0 at step 0.

    Args:
        criterion: what it ranks by: magnitude by default, "snip", "grasp", "synflow".
        scope: "layer" or "global"; the search's own by default.
        keep: "lowest" keeps the lowest-scored weights, as many of each tensor as it
            would of the highest (2009.08576, section 6).
    """
    first = search.initial
    recipe = _varied(search.network.recipe, criterion=criterion or "magnitude")
    ranked = _varied(recipe, scope=scope)
    chosen = _masks(ranked, search, case, values_of(first), seed)
    if keep == "lowest":
        case = case._replace(ticket=with_values(first, values_of(first), chosen))
        by_layer = dataclasses.replace(recipe, scope="layer")
        chosen = _masks(by_layer, search, case, values_of(first), seed, lowest=True)
    ticket = with_values(case.ticket, values_of(first), chosen)
    return case._replace(
        ticket=dataclasses.replace(ticket, step=0, optimizer=first.optimizer)
    )


def _check_continued(model: Any, iterations: int | None) -> None:
    """Refuses what stock tfmot does in another way; it is imported for that alone."""
    from lth_keras.controls import continued as strategy_2

    strategy_2.check(model, iterations)


@register(
    "continued", check=_check_continued, change=Change.MASK, shares=True, trained=True
)
def continued(search: LotterySearch, case: Case, seed: int) -> Case:
    """The mask of continued training, strategy 2 (1803.03635, appendix B), on theta_k.

    A network is trained, pruned and trained on without being reset, by stock tfmot
    with `IterativePruning`; only the mask of this level is reset to theta_k.

    Raises:
        LotteryError: stock tfmot cannot prune as the search did.
    """
    from lth_keras.controls import continued as strategy_2

    chosen = strategy_2.masks_at(search, case.plan, case.ticket.level)
    return case._replace(
        ticket=with_values(case.ticket, values_of(search.theta), chosen)
    )
