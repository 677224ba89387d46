"""Controls of other initial weights on the ticket's mask: redrawn, with noise."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lth_keras.controls.kept import check_signs
from lth_keras.controls.registry import Case, Change, register
from lth_keras.errors import LotteryError
from lth_keras.masking import host
from lth_keras.search.search import LotterySearch
from lth_keras.tickets.editing import pruned_places, values_of, with_values


def _check_reinit(
    model: Any,
    iterations: Any,
    *,
    source: str | None = None,
    signs: str | None = None,
) -> None:
    check_signs(model, iterations, signs=signs or "random")
    if source not in (None, "survivors"):
        raise LotteryError(
            f"random_reinit:source={source} is not known: use source=survivors, or "
            "leave it out to draw from the layers' initialisers."
        )


def _check_sigma(model: Any, iterations: Any, *, sigma: float = 0.5) -> None:
    if not 0 < sigma < float("inf"):
        raise LotteryError(f"noise:sigma={sigma:g} is not allowed: use one above 0.")


@register("random_reinit", check=_check_reinit, change=Change.START, dense=True)
def random_reinit(
    search: LotterySearch,
    case: Case,
    seed: int,
    *,
    source: str | None = None,
    signs: str | None = None,
) -> Case:
    """The ticket's mask on newly drawn initial weights (1803.03635, section 2).

    Every weight of the network is drawn again from its layer's initialiser, biases
    and normalisation parameters too; the optimizer starts afresh at step 0. What
    layers that do not train were given or adapted to stays (`reinitialised`).

    Args:
        source: "survivors" draws pruned weights, with replacement, from the initial
            values of those that the mask keeps in the same tensor, the paper's D_m
            (appendix F.3).
        signs: "kept" gives what is drawn the signs of the ticket's weights (1905.01067,
            section 4); "random", the default, leaves them as they were drawn.
    """
    model = search.trainable_model()
    first = search.initial
    draw = host.of(model).redrawn
    values = [
        value if drawn is None else drawn
        for value, drawn in zip(values_of(first), draw(model, seed), strict=True)
    ]
    if source == "survivors":
        rng = np.random.default_rng(seed)
        for index, weight in enumerate(case.ticket.weights):
            if weight.mask is not None:
                pool = first.weights[index].value[weight.mask]
                # In global scope a tensor may have run empty.
                if pool.size:
                    values[index] = rng.choice(pool, size=weight.value.shape)
    if signs == "kept":
        for index in pruned_places(case.ticket):
            sign = case.ticket.weights[index].value
            values[index] = np.copysign(values[index], sign.astype(values[index].dtype))
    ticket = with_values(case.ticket, values)
    return case._replace(
        ticket=dataclasses.replace(ticket, step=0, optimizer=first.optimizer)
    )


@register("noise", check=_check_sigma, change=Change.WEIGHTS, dense=True)
def noise(search: LotterySearch, case: Case, seed: int, *, sigma: float = 0.5) -> Case:
    """Gaussian noise on the ticket's initial weights (1803.03635, appendix F.7).

    Args:
        sigma: standard deviation of the noise, in standard deviations of theta_0 of
            the same tensor; above 0. Weights that cannot be pruned get none.
    """
    rng = np.random.default_rng(seed)
    initial, values = values_of(search.initial), values_of(case.ticket)
    for index in pruned_places(case.ticket):
        scale = sigma * np.std(initial[index], dtype=np.float64)
        drawn = rng.normal(0.0, scale, values[index].shape)
        values[index] = (values[index] + drawn).astype(values[index].dtype)
    return case._replace(ticket=with_values(case.ticket, values))
