"""The control that freezes what a mask prunes, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from tests.support import small_search as small
from tests.support.control_cases import LEVEL, applied, masks, search, values


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it")


def frozen_of(ticket: lth.Ticket) -> list[np.ndarray]:
    return [weight.frozen for weight, _ in ticket.pruned()]


def of_places(arrays, ticket: lth.Ticket) -> list[np.ndarray]:
    places = [i for i, mask in enumerate(masks(ticket)) if mask is not None]
    return [arrays[i] for i in places]


def test_all_pruned_weights_are_frozen_at_the_rewound_values(searched):
    ticket, found = searched.ticket(LEVEL), applied(searched, "freeze").ticket
    theta = of_places(values(searched.theta), ticket)
    for frozen, (_, mask), value in zip(
        frozen_of(found), ticket.pruned(), theta, strict=True
    ):
        assert np.array_equal(frozen, np.where(mask, 0, value))
    assert small.same_bits(values(found), values(ticket))
    assert found.density == ticket.density


def test_those_that_moved_toward_zero_are_zero(searched):
    """By the training that each was pruned after."""
    ticket = searched.ticket(LEVEL)
    found = applied(searched, "freeze:where=moved_away").ticket
    theta = of_places(values(searched.theta), ticket)
    first, second = (
        of_places(searched.trained_weights(level), ticket) for level in (0, 1)
    )
    once = [mask for _, mask in searched.ticket(1).pruned()]
    seen = set()
    for i, (_, mask) in enumerate(ticket.pruned()):
        for place in np.argwhere(~mask):
            at = tuple(place)
            trained = (second if once[i][at] else first)[i][at]
            away = abs(trained) >= abs(theta[i][at])
            expected = theta[i][at] if away else 0
            assert frozen_of(found)[i][at] == expected
            seen.add((bool(once[i][at]), bool(away)))
        assert not frozen_of(found)[i][mask].any()
    assert len(seen) == 4


def test_of_another_mask_the_dense_network_is_asked(searched):
    found = applied(searched, "one_shot+freeze:where=moved_away").ticket
    theta = of_places(values(searched.theta), found)
    trained = of_places(searched.trained_weights(0), found)
    for frozen, (_, mask), now, then in zip(
        frozen_of(found), found.pruned(), trained, theta, strict=True
    ):
        away = np.abs(now) >= np.abs(then)
        assert np.array_equal(frozen, np.where(~mask & away, then, 0))


@pytest.mark.slow
def test_a_run_of_it_leaves_no_trace_in_those_after_it(searched, tmp_path):
    """Nor does one before it: the same bits in any order."""
    first = lth.controls.run(searched, "random_mask", levels=[2])
    (frozen,) = lth.controls.run(searched, "freeze", levels=[2])
    assert frozen["control"] == "freeze" and frozen["parameters"] == {"where": "all"}
    stored = lth.Ticket.load(
        searched.directory.control("freeze,where=all", 2, 0).ticket
    )
    assert all(w.frozen is not None for w, _ in stored.pruned())
    network = Network.of(searched.model)
    assert [w.read_frozen() for w in network.pruned] == [None] * len(network.pruned)
    again = search(tmp_path, rewind_to="3it")
    lth.controls.run(again, "freeze", levels=[2])
    second = lth.controls.run(again, "random_mask", levels=[2])
    for row in (*first, *second):
        row.pop("seconds")
    places = [one.directory.control("random_mask", 2, 0) for one in (searched, again)]
    trained = [open(place.trained_weights, "rb").read() for place in places]
    assert (first, trained[0]) == (second, trained[1])


def test_what_it_cannot_do_is_refused(searched, tmp_path):
    with pytest.raises(LotteryError, match="use where=all, or where=moved_away"):
        syntax.parse("freeze:where=here").check(searched.model, 5)
    untrained = search(tmp_path, levels=0, first="prune")
    with pytest.raises(LotteryError, match="asks where training moved the weights"):
        applied(untrained, "freeze:where=moved_away", level=0)
    assert applied(untrained, "freeze", level=0).ticket.density < 1
    with pytest.raises(LotteryError, match="would undo random_reinit"):
        syntax.parse("random_reinit+freeze")


@pytest.mark.slow
def test_frozen_filters_are_read_and_what_goes_with_them_stays_zero(tmp_path):
    model = small.compiled(granularity="filter", rate=0.5)
    one = search(tmp_path, model, levels=1)
    (row,) = lth.controls.run(one, "freeze", levels=[1])
    assert row["density"] == one.ticket(1).density
    key = syntax.parse("freeze").key
    found = lth.Ticket.load(one.directory.control(key, 1, 0).ticket)
    found.apply(model)
    lth.verify(model)
    network = Network.of(model)
    (kernel,) = network.pruned  # the output layer stays whole
    gone = ~kernel.read_mask().any(axis=0)
    assert gone.sum() == 4
    theta = values(one.theta)[0]
    assert np.array_equal(kernel.read_frozen()[:, gone], theta[:, gone])
    beside = [weight for weight in network.held if not weight.is_pruned]
    assert [weight.name for weight in beside] == ["bias", "gamma", "beta"]
    assert not any(weight.read()[gone].any() for weight in beside)
