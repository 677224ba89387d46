"""Controls of the kept weights: shuffled, at one size, with and without signs."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from tests.support import small_search as small
from tests.support.control_cases import LEVEL, applied, masks, search, values


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it")


def kept(ticket: lth.Ticket) -> list[np.ndarray]:
    """The kept values of each prunable tensor."""
    return [weight.value[mask] for weight, mask in ticket.pruned()]


def others(ticket: lth.Ticket) -> list[np.ndarray]:
    return [weight.value for weight in ticket.weights if weight.mask is None]


@pytest.mark.parametrize(
    "text",
    ["reshuffle", "constant", "reshuffle:signs=random", "constant:signs=random"],
)
def test_the_mask_the_step_and_all_other_weights_stay(searched, text):
    ticket, found = searched.ticket(LEVEL), applied(searched, text).ticket
    for mine, theirs in zip(masks(found), masks(ticket), strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or np.array_equal(mine, theirs)
    assert small.same_bits(others(found), others(ticket))
    assert (found.step, ticket.step) == (3, 3)
    assert found.optimizer.keys() == ticket.optimizer.keys()
    # Another seed, another draw, unless there is nothing to be drawn.
    again = applied(searched, text, seed=6).ticket
    same = small.same_bits(values(again), values(found))
    assert same == (text == "constant")


def test_a_reshuffle_keeps_the_values_and_on_request_each_sign_s_places(searched):
    ticket = searched.ticket(LEVEL)
    signed = applied(searched, "reshuffle").ticket
    random = applied(searched, "reshuffle:signs=random").ticket
    for before, mine, theirs in zip(
        kept(ticket), kept(signed), kept(random), strict=True
    ):
        for after in (mine, theirs):
            assert sorted(after) == sorted(before)
        assert np.array_equal(np.sign(mine), np.sign(before))
    flat = [np.concatenate(kept(each)) for each in (ticket, signed, random)]
    assert not np.array_equal(flat[0], flat[1])
    assert not np.array_equal(np.sign(flat[0]), np.sign(flat[2]))


def test_a_constant_is_the_deviation_of_the_tensor_s_initial_weights(searched):
    ticket, first = searched.ticket(LEVEL), values(searched.ticket(0))
    places = [i for i, mask in enumerate(masks(ticket)) if mask is not None]
    for text in ("constant", "constant:signs=random"):
        found = applied(searched, text).ticket
        for index, before, after in zip(places, kept(ticket), kept(found), strict=True):
            size = np.float32(np.std(first[index].astype(np.float64)))
            assert set(np.abs(after).tolist()) == {float(size)}
            same = np.array_equal(np.sign(after), np.sign(before))
            assert same == (text == "constant")


def test_what_is_drawn_anew_gets_the_ticket_s_signs_on_request(searched):
    ticket = searched.ticket(LEVEL)
    plain = applied(searched, "random_reinit").ticket
    signed = applied(searched, "random_reinit:signs=kept").ticket
    assert small.same_bits(others(signed), others(plain))
    for before, drawn, after in zip(
        kept(ticket), kept(plain), kept(signed), strict=True
    ):
        assert np.array_equal(after, np.copysign(drawn, before))
    assert not np.array_equal(
        *(np.sign(np.concatenate(kept(t))) for t in (plain, signed))
    )
    given = applied(searched, "random_reinit:signs=random").ticket
    assert small.same_bits(values(given), values(plain))


@pytest.mark.parametrize(
    "text", ["reshuffle:signs=mine", "constant:signs=1", "random_reinit:signs=no"]
)
def test_other_signs_are_refused_before_anything_is_trained(searched, text):
    with pytest.raises(LotteryError, match="use signs=kept, or signs=random"):
        syntax.parse(text).check(searched.model, 5)
