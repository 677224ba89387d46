"""keep_trained="needed": fewer files, and everything else as with all of them."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest

import lth_keras as lth
from tests.support import small_search as small
from tests.support.small_search import VALIDATION, fit, search

STORED = "trained/weights.npz"


def carried_out(place: pathlib.Path, **arguments) -> lth.LotterySearch:
    one = search(small.compiled(), place, 3, **arguments)
    fit(one, validation_data=VALIDATION)
    return one


def same_as(place: pathlib.Path, other: pathlib.Path) -> None:
    """Result lines, tickets and curves are the same, but for seconds."""
    pairs = zip(small.lines(place), small.lines(other), strict=True)
    for one, another in pairs:
        assert {**one, "seconds": 0} == {**another, "seconds": 0}
    assert small.fingerprints(place) == small.fingerprints(other)
    for curve in other.rglob("curve.json"):
        found = place / curve.relative_to(other)
        assert found.read_bytes() == curve.read_bytes()


def stored(place: pathlib.Path) -> list[str]:
    return sorted(str(p.relative_to(place)) for p in place.rglob(STORED))


def test_the_search_is_the_same_and_goes_on_from_what_it_keeps(tmp_path):
    whole, fewer = tmp_path / "whole", tmp_path / "fewer"
    carried_out(whole)
    carried_out(fewer, keep_trained="needed")
    same_as(fewer, whole)
    assert stored(fewer) == [f"level00/{STORED}", f"level03/{STORED}"]
    ended = [lth.LotterySearch.load(p).trained_weights(3) for p in (whole, fewer)]
    assert small.same_bits(*ended)
    # Killed after level 1, and between a result and what is removed then.
    killed = tmp_path / "killed"
    shutil.copytree(whole, killed)
    for level in (2, 3):
        shutil.rmtree(killed / f"level{level:02d}")
    one = carried_out(killed, keep_trained="needed")
    same_as(killed, whole)
    assert stored(killed) == stored(fewer)
    with pytest.raises(lth.LotteryError, match="level01 has no trained weights: keep"):
        one.trained_weights(1)
    os.remove(fewer / "level03" / STORED)  # That one is damage.
    with pytest.raises(lth.LotteryError, match="remove .*level03 to train it again"):
        carried_out(fewer, keep_trained="needed")


def test_controls_run_beside_it_unless_they_begin_from_what_is_gone(tmp_path):
    whole, fewer = tmp_path / "whole", tmp_path / "fewer"
    for place, kept in ((whole, "all"), (fewer, "needed")):
        one = carried_out(place, keep_trained=kept)
        for control in ("random_reinit", "one_shot"):
            lth.controls.run(one, control, levels=[2])
    same_as(fewer, whole)
    assert stored(fewer) == [f"level00/{STORED}", f"level03/{STORED}"]
    for control in ("fine_tune", "lr_rewind"):
        with pytest.raises(lth.LotteryError, match=f"{control} begins from the weigh"):
            lth.controls.run(one, control, levels=[2])
    with pytest.raises(lth.LotteryError, match="level01 has no trained weights"):
        lth.controls.run(one, "freeze:where=moved_away", levels=[2])
    assert len(lth.controls.run(one, "random_reinit", levels=[2])) == 1


def test_another_value_is_refused(tmp_path):
    with pytest.raises(lth.LotteryError, match="keep_trained='some' is not known: use"):
        search(small.compiled(), tmp_path, 3, keep_trained="some")
