"""Pruned weights of a Keras 3 model that are frozen at values, on its backend.

    KERAS_BACKEND=jax python -m tests.support.native_frozen

Prints a JSON object: of each case what went wrong, nothing where all is right.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

import lth_keras as lth
from lth_keras.masking.network import Network
from tests.support import native_models as zoo
from tests.support import native_oracle as oracle
from tests.support.native_rows import differing, fit, masks_of

# Frozen entries of the weights decay, and are in averages: what mends both is tested.
CASES = [("dense", o) for o in ("adam", "adamw", "averaged", "overwritten", "muon")]


def wrong_of(name: str, optimizer: str) -> list[str]:
    """Trains on frozen weights, and the plain model that is masked by hand."""
    wrong = []
    model, x, y = zoo.made(name, optimizer)
    first = oracle.values(model)
    lth.hold(model, rate=zoo.RATE)
    start = lth.capture(model)
    fit(model, x, y)
    lth.prune(model)
    lth.rewind(model, start)
    variables = len(model.optimizer.variables)
    frozen_at(model, first).apply(model)
    masks = masks_of(model)
    states = [np.array(g.state.numpy()) for g in oracle.generators(model)]
    if differing(oracle.values(model), first):
        wrong.append("frozen at theta_0, it is not theta_0")
    fit(model, x, y, epochs=2)
    lth.verify(model)
    found = oracle.values(model)
    for index, mask in masks.items():
        if not np.array_equal(found[index][~mask], first[index][~mask]):
            wrong.append(f"weight {index} has left what it is frozen at")
    if optimizer == "adam":
        plain, _, _ = zoo.made(name, optimizer)
        oracle.multiply_gradients(plain, masks)
        oracle.set_generators(plain, states)
        fit(plain, x, y, epochs=2)
        if count := differing(found, oracle.values(plain)):
            wrong.append(f"{count} entries are not those of gradients masked by hand")
    wrong += _told(model, first, masks)
    counted = sum(row.frozen for row in lth.coverage(model, print_fn=None))
    if counted != sum(np.count_nonzero(first[i][~m]) for i, m in masks.items()):
        wrong.append(f"coverage counts {counted} frozen entries")
    # Something that writes them is told, and a ticket of zeros leaves no trace.
    index, mask = next(iter(masks.items()))
    variable = model.weights[index]
    variable.assign(np.where(mask, found[index], found[index] + 1))
    try:
        lth.verify(model)
        wrong.append("a written frozen weight was not told")
    except lth.LotteryError:
        lth.project(model)
    if not np.array_equal(oracle.values(model)[index], found[index]):
        wrong.append("project did not put the frozen values back")
    plain_ticket = dataclasses.replace(lth.Ticket.of(model), weights=_zeroed(model))
    plain_ticket.apply(model)
    for index, mask in masks.items():
        if oracle.values(model)[index][~mask].any():
            wrong.append(f"weight {index} is still frozen")
    if len(model.optimizer.variables) != variables:
        wrong.append("values are left in the optimizer")
    fit(model, x, y)
    lth.verify(model)
    return wrong


def frozen_at(model: Any, values: list[np.ndarray]) -> lth.Ticket:
    """The ticket of a model, pruned weights frozen at values of `model.weights`."""
    by_key = {id(v): value for v, value in zip(model.weights, values, strict=True)}
    weights = [
        weight
        if own.mask is None
        else dataclasses.replace(
            weight, frozen=np.where(weight.mask, 0, by_key[own.key])
        )
        for own, weight in zip(
            Network.of(model).weights, lth.Ticket.of(model).weights, strict=True
        )
    ]
    return dataclasses.replace(lth.Ticket.of(model), weights=tuple(weights))


def _zeroed(model: Any) -> tuple[Any, ...]:
    weights = lth.Ticket.of(model).weights
    return tuple(dataclasses.replace(weight, frozen=None) for weight in weights)


def _told(model: Any, first: list[np.ndarray], masks: oracle.Masks) -> list[str]:
    """A ticket of the model has sparse values, and the frozen ones beside them."""
    wrong = []
    own = {id(v): place for place, v in enumerate(model.weights)}
    ticket = lth.Ticket.of(model)
    for weight, told in zip(Network.of(model).weights, ticket.weights, strict=True):
        if (mask := masks.get(own[weight.key])) is None:
            continue
        if np.any(told.value[~mask]):
            wrong.append(f"the ticket's {told.path} is not sparse")
        expected = np.where(mask, 0, first[own[weight.key]])
        if not np.array_equal(told.frozen, expected):
            wrong.append(f"the ticket's {told.path} is frozen at other values")
    return wrong


if __name__ == "__main__":
    found = {f"{name} {by}": wrong_of(name, by) for name, by in CASES}
    print(json.dumps(found))
