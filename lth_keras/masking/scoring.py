"""The masks of a round on what a model holds, which is left as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lth_keras.masking import followers
from lth_keras.masking.network import Network
from lth_keras.masking.reads import WhenAsked
from lth_keras.masking.seen import Seen
from lth_keras.pruning import criteria
from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values
from lth_keras.pruning.units import Arrays


def shrunk(
    network: Network,
    recipe: Recipe,
    *,
    initial: Sequence[np.ndarray] | None = None,
    seed: int = 0,
    data: Any = None,
    like: Arrays | None = None,
    lowest: bool = False,
) -> list[np.ndarray]:
    """The masks after a round on a model's present weights and masks.

    Args:
        network: of a wrapped model, which is left as it is.
        recipe: how it is pruned, the network's own or one with a field replaced.
        initial: the initial prunable weights, for criteria that compare with them.
        seed: of criteria that draw.
        data: as in `lth.prune`.
        like: masks whose numbers of each group are kept; by default the recipe's own.
        lowest: whether the lowest-scored are kept in the place of the highest, in one
            step.

    Raises:
        LotteryError: the criterion needs what is not there, or returned other scores.
    """
    rng = np.random.default_rng(seed)
    context, gradients = None, None
    if recipe.whole:
        context = network.context(initial, data, rng)
    elif "gradients" in recipe.needs and data is not None:
        gradients = network.mean_gradients(data)
    tensors, seen = network.tensors, Seen(network)
    masks: Arrays = WhenAsked([weight.read_mask for weight in network.pruned])
    paths = [weight.path for weight in network.pruned]
    if like is None and recipe.rounds > 1:
        like = recipe.shrink([np.zeros(m.shape) for m in masks], masks, tensors)
    # What most flows through taken out step by step, nothing would flow at all.
    steps = 1 if lowest else recipe.rounds
    views = criteria.of(recipe.criterion).elementwise
    with _kept(network) if steps > 1 else contextlib.nullcontext():
        for left in range(steps, 0, -1):
            trained = seen.values() if recipe.whole else seen.one_by_one(views)
            values = Values(trained, initial, gradients, paths, context)
            scores = recipe.scores_one_by_one(values, rng)
            if lowest:
                scores = [-np.asarray(score) for score in scores]
            if like is None:
                # Nobody else has those of the model, which are read for it alone.
                masks = recipe.shrink(scores, masks, tensors, in_place=True)
            else:
                masks = recipe.shrink_to(scores, masks, like, tensors, 1 / left)
            if left > 1:
                for weight, mask in zip(network.pruned, masks, strict=True):
                    weight.write_mask(mask)
                followers.settle(network)
    return list(masks)


@contextlib.contextmanager
def _kept(network: Network) -> Iterator[None]:
    """Sets weights and masks back that the steps of a round have written."""
    before = [(w, w.read(), w.read_mask()) for w in network.held]
    try:
        yield
    finally:
        for weight, value, mask in before:
            if not np.array_equal(weight.read_mask(), mask):
                weight.write_mask(mask)
                weight.write(value)
