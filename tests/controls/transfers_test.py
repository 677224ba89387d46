"""The control that trains another task's ticket on the data of the search."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from tests.support import small_search as small
from tests.support.control_cases import LEVEL, applied, masks, on, search, values


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it", trial=1)


@pytest.fixture(scope="module")
def other(searched, tmp_path_factory) -> pathlib.Path:
    """Tickets of another task, of one trial's directory; no run has a result."""
    root = tmp_path_factory.mktemp("other") / "several, at 1+1: run"
    model = small.compiled(small.dense_model(9))
    start, parent = lth.capture(model), None
    for level in range(LEVEL + 1):
        if level:
            lth.prune(model)
        ticket = lth.Ticket.of(model, start, level=level, parent=parent)
        ticket.save(root / "trial1" / f"level{level:02d}" / "ticket")
        parent = ticket.fingerprint
    (root / "trial1" / "search.json").write_text("{}")
    return root


def text(path: pathlib.Path, more: str = "") -> str:
    """As it is typed: only what stands for something else is escaped."""
    found = str(path)
    for sign in "%,:+":
        found = found.replace(sign, f"%{ord(sign):02X}")
    return f"transfer:ticket={found}{more}"


@pytest.mark.parametrize("place", ["", "trial1", "trial1/level02/ticket"])
def test_a_ticket_is_found_by_itself_in_a_search_or_in_several_trials(
    searched, other, place
):
    source = lth.Ticket.load(other / "trial1/level02/ticket")
    found = applied(searched, text(other / place, ":head=ticket")).ticket
    assert small.same_bits(values(found), values(source))
    assert (found.step, found.level) == (0, LEVEL)
    begun = searched.ticket(0).optimizer
    assert {k: small.bits(v) for k, v in found.optimizer.items()} == {
        k: small.bits(v) for k, v in begun.items()
    }


def test_the_mask_alone_is_trained_from_where_the_search_rewinds_to(searched, other):
    source = lth.Ticket.load(other / "trial1/level02/ticket")
    found = applied(searched, text(other, ":keep=mask:head=ticket")).ticket
    expected = on(values(searched.theta), masks(source))
    assert small.same_bits(values(found), expected) and found.step == 3


def test_a_new_head_is_the_searchs_own_at_random_and_of_the_same_density(
    searched, other
):
    ticket, theta = searched.ticket(LEVEL), searched.initial
    found = applied(searched, text(other)).ticket
    again = applied(searched, text(other), seed=6).ticket
    mask, own = found.weights[-2].mask, ticket.weights[-2].mask
    assert mask.sum() == own.sum() and found.density == ticket.density
    assert not np.array_equal(mask, again.weights[-2].mask)
    head = small.masked(theta.weights[-2].value, mask)
    assert small.same_bits(values(found)[-2:], [head, theta.weights[-1].value])


def test_its_mask_goes_with_other_weights_and_its_densities_with_other_places(
    searched, other
):
    source = lth.Ticket.load(other / "trial1/level02/ticket")
    redrawn = applied(searched, text(other, ":head=ticket+random_reinit")).ticket
    assert np.array_equal(redrawn.weights[0].mask, source.weights[0].mask)
    kept = redrawn.weights[0].value[source.weights[0].mask]
    assert not np.isin(kept, [source.weights[0].value, theta_of(searched)]).any()
    moved = applied(searched, text(other, ":head=ticket+random_mask")).ticket
    assert list(moved.densities.values()) == list(source.densities.values())
    assert not np.array_equal(moved.weights[0].mask, source.weights[0].mask)


def theta_of(one: lth.LotterySearch) -> np.ndarray:
    return one.theta.weights[0].value


def test_where_a_ticket_lies_names_its_directory_and_decides_no_seed(other):
    one, two = (lth.controls.parse(text(p)) for p in (other, other.parent))
    assert one.key != two.key and one.seeded == two.seeded
    assert syntax.parse(one.key.replace(",", ":")) == one
    assert one.parameters["ticket"] == str(other)
    assert "/" not in one.key and " " not in one.key
    plus = lth.controls.parse("transfer:ticket=a%2Bb")
    assert syntax.parse(plus.key.replace(",", ":")) == plus
    assert lth.controls.parse("noise:sigma=1e20").key == "noise,sigma=1e+20"
    remote = lth.controls.parse("transfer:ticket=gs://bucket/run:keep=mask")
    assert remote.parameters["ticket"] == "gs://bucket/run"
    assert lth.controls.parse("noise:sigma=2").seeded == "noise,sigma=2.0"


@pytest.mark.parametrize(
    ("place", "more", "said"),
    [
        ("none", "", "has no ticket: name the directory"),
        ("", ":keep=all", "keep='all' is not known"),
        ("", ":head=no", "head='no' is not known"),
        ("trial1/level01/ticket", ":head=ticket", "keeps 70.8 %.*level 2 50 %: choose"),
    ],
)
def test_what_cannot_be_transferred_is_one_line(searched, other, place, more, said):
    with pytest.raises(LotteryError, match=said) as caught:
        applied(searched, text(other / place, more))
    assert "\n" not in str(caught.value)


def test_a_trial_that_is_not_there_and_a_path_too_long_are_refused(other):
    from lth_keras.controls import transfers

    with pytest.raises(LotteryError, match="has no ticket of trial 0"):
        transfers._find(str(other), 0, LEVEL)
    with pytest.raises(LotteryError, match="longer than the name of a directory"):
        lth.controls.parse("transfer:ticket=" + "a/" * 100)
    with pytest.raises(LotteryError, match="write transfer:ticket=..."):
        lth.controls.parse("transfer")


@pytest.mark.slow
def test_it_is_run_stored_and_shown_as_every_control(searched, other):
    written = text(other)
    (row,) = lth.controls.run(searched, written, levels=[LEVEL])
    place = searched.directory.control(lth.controls.parse(written).key, LEVEL, 0)
    assert lth.Ticket.load(place.ticket).density == row["density"]
    assert row["control"] == "transfer" and row["parameters"]["ticket"] == str(other)
    again = lth.LotterySearch.load(searched.directory.root).results[-1]
    assert again == row
    assert (row["control"], 2, 0) in [
        (key.split(",")[0], level, n) for key, level, n in searched.directory.controls()
    ]
