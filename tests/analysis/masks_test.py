"""Overlaps, paths, signs and distances, against counts by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.tickets.content import TicketWeight
from tests.support import small_search as small


def ticket(*masks: list[bool]) -> lth.Ticket:
    found = []
    for number, mask in enumerate(masks):
        value = np.where(mask, 1.0, 0.0).astype(np.float32)
        weight = TicketWeight(f"d{number}", "Dense", "kernel", value, np.array(mask))
        found.append(weight)
    return lth.Ticket(tuple(found))


def test_an_overlap_is_counted_by_weight_beside_its_chance():
    first = ticket([True, True, False, False], [True, True, True, True])
    second = ticket([True, False, True, True], [False, False, False, True])
    found = lth.analysis.overlap(first, second)
    one = found["d0/kernel"]
    assert (one.kept, one.other, one.both) == (2, 3, 1)
    assert one.share == 0.5 and one.chance == 0.75 and one.jaccard == 0.25
    # Of random masks of these counts: 2 * 3/4 of the first, 4 * 1/4 of the second.
    assert found.total.expected == pytest.approx(2.5)
    assert found.total.share == pytest.approx(2 / 6)
    assert list(found) == ["d0/kernel", "d1/kernel"]
    assert repr(found).splitlines()[-1].split() == [
        *("all", "6", "4", "2", "0.3333", "0.4167", "0.2500")
    ]


def test_chance_is_what_random_masks_share():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        masks = [rng.permutation(np.arange(400) < n) for n in (80, 120)]
        found = lth.analysis.overlap(*(ticket(m.tolist()) for m in masks))
        shares.append(found.total.share)
    assert found.total.chance == pytest.approx(120 / 400)
    assert np.mean(shares) == pytest.approx(found.total.chance, abs=0.01)


def test_tickets_of_two_architectures_are_refused():
    with pytest.raises(LotteryError, match="not of one architecture"):
        lth.analysis.overlap(ticket([True]), ticket([True, True]))
    with pytest.raises(LotteryError, match="second='a': give an lth.Ticket"):
        lth.analysis.overlap(ticket([True]), "a")


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    one = small.search(small.kept(), tmp_path_factory.mktemp("search"), levels=2)
    small.fit(one, epochs=1)
    return one


@pytest.mark.slow
def test_distances_and_signs_are_those_of_numpy(searched):
    masks = [mask for _, mask in searched.ticket(2).pruned()]
    initial = [w.value for w in searched.ticket(0).weights if w.mask is not None]
    places = [i for i, w in enumerate(searched.ticket(2).weights) if w.mask is not None]
    trained = [searched.trained_weights(2)[i] for i in places]
    moved = lth.analysis.distances(searched, 2)
    signs = lth.analysis.signs(searched, 2)
    square = 0.0
    for number, path in enumerate(moved):
        mask = masks[number]
        change = (trained[number] - initial[number])[mask].astype(np.float64)
        assert moved[path].moved == pytest.approx(np.sqrt((change**2).sum()))
        norm = np.linalg.norm(initial[number][mask].astype(np.float64))
        assert moved[path].relative == pytest.approx(moved[path].moved / norm)
        square += (change**2).sum()
        same = (trained[number][mask] > 0) == (initial[number][mask] > 0)
        assert (signs[path].kept, signs[path].same) == (mask.sum(), same.sum())
    assert moved.total.moved == pytest.approx(np.sqrt(square))


@pytest.mark.slow
def test_signs_of_two_runs_are_compared_where_both_masks_keep(searched):
    found = lth.analysis.signs(searched, 1, 2)
    kept = [int(mask.sum()) for _, mask in searched.ticket(2).pruned()]
    assert [one.kept for one in found.values()] == kept
    assert lth.analysis.signs(searched, 2, 2).total.share == 1.0


@pytest.mark.slow
def test_the_effective_density_counts_weights_on_a_path(searched, tmp_path):
    found = lth.analysis.effective_density(searched, 2)
    row = searched.results[2]
    assert found.total.effective == pytest.approx(row["effective_density"])
    assert found.total.density == pytest.approx(row["density"])


@pytest.mark.slow
def test_a_run_that_is_none_is_refused(searched, tmp_path):
    with pytest.raises(LotteryError, match="level 7 is not finished"):
        lth.analysis.distances(searched, 7)
    with pytest.raises(LotteryError, match="is no finished run"):
        lth.analysis.distances(searched, ("random_mask", 1))
    with pytest.raises(LotteryError, match="give a level, "):
        lth.analysis.distances(searched, ("random_mask",))
    with pytest.raises(LotteryError, match="is no finished run"):
        lth.analysis.distances(searched, str(tmp_path / "nowhere"))


@pytest.mark.slow
def test_findings_are_a_mapping(searched):
    found = lth.analysis.signs(searched, 1)
    assert len(found) == 2 and dict(found.items()) == found.found
    assert "<table>" in found._repr_html_()
    assert dataclasses.is_dataclass(found.total)
