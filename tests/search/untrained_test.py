"""A search that prunes before it trains: every level is a round more on theta_0."""

from __future__ import annotations

import pathlib
import shutil

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from tests.support import small_search as small


def searched(
    directory: pathlib.Path, criterion: str = "magnitude", levels: int = 1, **arguments
) -> lth.LotterySearch:
    keras.backend.clear_session()
    model = small.compiled(criterion=criterion)
    one = small.search(model, directory, levels, first="prune", **arguments)
    small.fit(one, epochs=1, test_data=small.TEST)
    return one


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> lth.LotterySearch:
    """Two levels by magnitude."""
    return searched(tmp_path_factory.mktemp("search") / "run")


def test_its_levels_are_rounds_on_the_initial_weights(whole):
    initial = small.values(small.compiled())
    masks = [np.ones(value.shape, bool) for value in initial]
    prunable = [w.mask is not None for w in whole.ticket(0).weights]
    for level in (0, 1):
        ticket = whole.ticket(level)
        for index, weight in enumerate(ticket.weights):
            if prunable[index]:
                masks[index] = small.pruned_by_hand(initial[index], masks[index], 0.3)
                assert np.array_equal(weight.mask, masks[index])
            expected = small.masked(initial[index], masks[index])
            assert small.bits(weight.value) == small.bits(expected)
        assert (ticket.level, ticket.step) == (level, 0)
    # 48 and 24 weights: 34 and 17 stay, then 24 and 12.
    assert [row["density"] for row in whole.results[:2]] == [51 / 72, 36 / 72]
    assert whole.ticket(1).parent == whole.ticket(0).fingerprint
    assert small.same_bits([w.value for w in whole.initial.weights], initial)


def test_a_level_trains_as_the_ticket_trains_alone(whole):
    model = small.compiled()
    whole.ticket(1).apply(model)
    lth.rewind(model, whole.ticket(1).start())
    other = lth.LotterySearch.load(whole.directory.root)
    assert (other.first, other.finished_levels) == ("prune", [0, 1])
    assert small.same_bits(
        small.values(model), [w.value for w in other.ticket(1).weights]
    )
    trained = other.trained_weights(1)
    for weight, value in zip(whole.ticket(1).weights, trained, strict=True):
        if weight.mask is not None:
            assert not value[~weight.mask].any() and value[weight.mask].any()


@pytest.mark.parametrize(
    "criterion",
    ["snip", "grasp", "synflow"],
)
@pytest.mark.slow
def test_it_goes_on_where_it_was_stopped_and_ends_the_same(criterion, tmp_path):
    def keep(row):
        for level in (0, 1):
            place = tmp_path / f"after{level}"
            if row["level"] == level and not place.exists():
                shutil.copytree(tmp_path / "whole", place)

    searched(tmp_path / "whole", criterion, on_result=keep)
    # As if it had been killed before level 1, and as theta_0 had just been stored.
    shutil.copytree(tmp_path / "after0", tmp_path / "begun")
    shutil.rmtree(tmp_path / "begun" / "level00" / "ticket")
    for name in ("trained", "result.json", "curve.json"):
        path = tmp_path / "begun" / "level00" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (tmp_path / "begun" / "results.jsonl").unlink()
    for cut in ("after0", "begun"):
        searched(tmp_path / cut, criterion)
        assert small.lines(tmp_path / cut) == small.lines(tmp_path / "whole")
        assert small.fingerprints(tmp_path / cut) == small.fingerprints(
            tmp_path / "whole"
        )


@pytest.mark.slow
def test_snip_at_level_0_is_snip_of_the_first_batches(tmp_path):
    one = searched(tmp_path, "snip", levels=0)
    model = small.compiled(criterion="snip")
    lth.prune(model, data=one.pruning_data(one.plan, 0))
    expected = [weight.read_mask() for weight in Network.of(model).pruned]
    assert small.same_bits([mask for _, mask in one.ticket(0).pruned()], expected)
    assert [row["density"] for row in one.results] == [51 / 72]


@pytest.mark.slow
def test_its_controls_begin_at_level_0(whole):
    rows = []
    for name in ("random_mask", "random_reinit", "prune_at_init:keep=lowest"):
        rows += lth.controls.run(whole, name)
    assert [row["level"] for row in rows] == [0, 1] * 3
    assert [row["density"] for row in rows] == [51 / 72, 36 / 72] * 3
    place = whole.directory.control("random_mask", 1, 0)
    ticket = lth.Ticket.load(place.ticket)
    # Values where the search's own ticket has none: they are of the dense theta_0.
    for weight, dense in zip(ticket.weights, whole.initial.weights, strict=True):
        if weight.mask is not None:
            assert np.array_equal(weight.value[weight.mask], dense.value[weight.mask])
            assert np.count_nonzero(weight.value) == weight.mask.sum()


@pytest.mark.parametrize(
    "control", ["one_shot", "fine_tune", "lr_rewind", "weight_rewind:step=3it"]
)
def test_controls_of_trained_networks_are_refused(whole, control):
    with pytest.raises(LotteryError, match="trained before, and a search with first="):
        lth.controls.run(whole, control)


def test_what_does_not_go_with_it_is_refused(whole, tmp_path):
    with pytest.raises(LotteryError, match="first='later' is not known: use 'train'"):
        lth.LotterySearch(small.kept(), 1, str(tmp_path), first="later")
    with pytest.raises(LotteryError, match="levels=9: level . would leave"):
        small.search(small.compiled(rate=0.7), tmp_path, 9, first="prune")
    # Its one round is the one before level 0.
    two_of_four = small.compiled(granularity="2:4")
    with pytest.raises(LotteryError, match="levels=1: .* in 1 round, .* levels=0,"):
        small.search(two_of_four, tmp_path, 1, first="prune")
    with pytest.raises(LotteryError, match="starts every level from theta_0"):
        searched(tmp_path / "rewound", rewind_to="2it")
    other = small.search(small.compiled(), whole.directory.root, 1)
    with pytest.raises(LotteryError, match='first .stored "prune", given null'):
        small.fit(other, epochs=1, test_data=small.TEST)
    pruned = small.compiled()
    lth.prune(pruned)
    one = small.search(pruned, tmp_path / "pruned", 1, first="prune")
    with pytest.raises(LotteryError, match="wrap the model anew"):
        small.fit(one, epochs=1)


def test_a_target_density_is_reached_at_a_level_less(tmp_path):
    given = {"levels": None, "target_density": 0.6}
    trained, pruned = (
        small.search(small.kept(), tmp_path, first=first, **given)
        for first in ("train", "prune")
    )
    assert (trained.levels, pruned.levels) == (2, 1)
