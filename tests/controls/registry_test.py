"""What each control starts from: masks, weights and step, against NumPy by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.controls import running as controls
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from tests.support import small_search as small
from tests.support.control_cases import (
    LEVEL,
    applied,
    largest,
    masks,
    on,
    search,
    values,
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it")


Expected = Callable[[lth.LotterySearch, lth.Ticket], tuple[list[Any], list[Any], int]]


def as_one_shot(one, ticket):
    trained = one.trained_weights(0)
    chosen = [
        None if m is None else largest(np.abs(trained[i]), int(m.sum()))
        for i, m in enumerate(masks(ticket))
    ]
    return on(values(one.theta), chosen), chosen, 3


def as_prune_at_init(one, ticket):
    initial = values(one.ticket(0))
    chosen = [
        None if m is None else largest(np.abs(initial[i]), int(m.sum()))
        for i, m in enumerate(masks(ticket))
    ]
    return on(initial, chosen), chosen, 0


def as_lr_rewind(one, ticket):
    return on(one.trained_weights(LEVEL - 1), masks(ticket)), masks(ticket), 3


def as_fine_tune(one, ticket):
    return on(one.trained_weights(LEVEL - 1), masks(ticket)), masks(ticket), 0


def as_rewound_to_the_start(one, ticket):
    return on(values(one.ticket(0)), masks(ticket)), masks(ticket), 0


def as_rewound_where_the_search_is(one, ticket):
    return values(ticket), masks(ticket), 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one_shot", as_one_shot),
        ("prune_at_init", as_prune_at_init),
        ("lr_rewind", as_lr_rewind),
        ("fine_tune", as_fine_tune),
        ("weight_rewind:step=0it", as_rewound_to_the_start),
        ("weight_rewind:step=3it", as_rewound_where_the_search_is),
    ],
)
def test_what_follows_from_the_search_alone(searched, text, expected: Expected):
    ticket = searched.ticket(LEVEL)
    found = applied(searched, text).ticket
    weights, chosen, step = expected(searched, ticket)
    assert small.same_bits(values(found), weights)
    for ours, theirs in zip(masks(found), chosen, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or np.array_equal(ours, theirs)
    assert (found.step, found.level) == (step, LEVEL)
    assert applied(searched, text, seed=6).ticket.fingerprint == found.fingerprint


def test_controls_are_applied_one_after_another(searched):
    one_shot = applied(searched, "one_shot").ticket
    found = applied(searched, "one_shot+noise:sigma=1").ticket
    for ours, theirs in zip(masks(found), masks(one_shot), strict=True):
        assert ours is None or np.array_equal(ours, theirs)
    assert found.fingerprint != one_shot.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "control 'nothing' is not known: use one of continued, fine_tune"),
        ("noise:sgima=1", "'sgima' is no parameter of noise; it has sigma"),
        ("noise:sigma=much", "sigma=much is not allowed: use a number"),
        ("noise:sigma=", "sigma= is not allowed"),
        ("noise:sigma=-1", "noise:sigma=-1 is not allowed: use one above 0"),
        ("weight_rewind", "needs a value: write weight_rewind:step=..."),
        ("noise+noise", "gives a parameter twice"),
        ("random_reinit:source=x", "source=x is not known: use source=survivors"),
        ("random_reinit+one_shot", "one_shot would undo random_reinit"),
        ("noise+lr_rewind", "lr_rewind would undo noise"),
        ("one_shot+random_mask", "random_mask would undo one_shot"),
        ("one_shot+fine_tune", "fine_tune would undo one_shot, or does not go with"),
    ],
)
def test_what_is_no_control_is_refused(searched, text, message):
    with pytest.raises(LotteryError, match=message):
        applied(searched, text)


def test_the_ticket_that_is_changed_is_left_as_it_was(searched):
    ticket = searched.ticket(LEVEL)
    before = [value.copy() for value in values(ticket)]
    kept = [None if mask is None else mask.copy() for mask in masks(ticket)]
    for text in ("noise", "random_mask", "lr_rewind", "random_reinit"):
        case = controls.Case(ticket, searched.plan)
        syntax.parse(text).apply(searched, case, 5)
    assert small.same_bits(values(ticket), before)
    for mask, copy in zip(masks(ticket), kept, strict=True):
        assert copy is None or np.array_equal(mask, copy)
