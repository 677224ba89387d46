"""A level that ends when its mask has settled: what is looked at, and when.

See `lth_keras.pruning.settling` for the rule. The masks that are compared are those
that the next round would give at that moment; the training is not changed by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError, shown
from lth_keras.masking.dense_gradients import states_kept
from lth_keras.masking.network import Network
from lth_keras.pruning.settling import MaskConverged, Watch
from lth_keras.pruning.units import Units
from lth_keras.training.plan import Plan

DISTANCE = "mask_distance"


def check(stop: Any, first: str) -> None:
    """Refuses what is no rule, and searches that prune nothing that was trained.

    Raises:
        LotteryError: says which it is.
    """
    if stop is None:
        return
    if not isinstance(stop, MaskConverged):
        raise LotteryError(f"stop={shown(stop)}: give lth.MaskConverged() or None.")
    if first == "prune":
        raise LotteryError(
            "stop ends a level when the mask has settled that it gives the next, and "
            "with first='prune' no level gives one: leave one of the two out."
        )


def watching(
    plan: Plan,
    rule: MaskConverged,
    network: Network,
    next_masks: Callable[[], Sequence[np.ndarray]],
    after: int,
) -> Plan:
    """The plan of a level that ends when its mask has settled.

    Args:
        plan: of the whole level.
        rule: when it has.
        network: of the model, which holds the masks of the level when it begins.
        next_masks: f(), the masks that the next round would give.
        after: the iteration that training must come past: what later levels are rewound
            to.
    """
    watch: list[Watch] = []

    def units(masks: Sequence[np.ndarray]) -> list[np.ndarray]:
        among = Units(network.recipe.granularity, network.tensors)
        # What is frozen is pruned by no round, and says nothing.
        ranked = [rate != 0 for rate in network.recipe.rates]
        found = zip(among.of(masks), ranked, strict=True)
        return [unit for unit, is_ranked in found if is_ranked]

    def look(step: int) -> dict[str, float]:
        if not watch:
            watch.append(Watch(rule, units(network.masks)))
        # Gradients leave the metrics of the epoch reset, and recurrent states.
        with states_kept(network.model):
            masks = next_masks()
        distance, settled = watch[0].add(units(masks))
        if settled and step > after:
            network.model.stop_training = True
        return {DISTANCE: distance}

    return dataclasses.replace(plan, also=look)
