"""Searches of an older version go on and end the same; finished ones are read."""

from __future__ import annotations

import pathlib
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.runs import finished
from lth_keras.runs import trained as trained_files
from tests.old_files import facts, jobs

# What a search that goes on may write anew.
GROWING = {"results.jsonl"}

# A search of each kind of death, of layers, and of frozen parts.
FAST_PLACES = ("layered_inside",)
# The cheapest.
FAST_CONTROLS = ("random_mask",)


def quick(names: Iterable[str], fast: Collection[str]) -> list[Any]:
    """All names, of which those not in `fast` are left to the slow suite."""
    return [
        name if name in fast else pytest.param(name, marks=pytest.mark.slow)
        for name in names
    ]


def unchanged(before: dict[str, bytes], directory: pathlib.Path) -> bool:
    """Whether what was stored is still there, byte for byte."""
    after = facts.files_of(directory)
    return after.keys() >= before.keys() and all(
        after[n] == v for n, v in before.items() if n not in GROWING
    )


def check_end(directory: pathlib.Path, name: str) -> None:
    """Asserts that a search came to what the older version's came to."""
    found, known = facts.of_search(directory), facts.stored()["searches"][name]
    facts.check_rows(found["rows"], known["rows"])
    # Newer lines say more than the older ones did.
    found, known = ({**f, "rows": None} for f in (found, known))
    assert list(found["tickets"]) == list(known["tickets"])
    if name == "frozen":
        # This version lists the weights of frozen parts in another order.
        found, known = ({**f, "fingerprints": None} for f in (found, known))
    if facts.same_machine():
        assert facts.but_rows(found) == facts.but_rows(known)


@pytest.mark.parametrize("name", quick(jobs.SEARCHES, ()))
def test_a_whole_search_ends_as_the_older_versions_did(name, tmp_path):
    search, fit = jobs.SEARCHES[name](str(tmp_path / "run"))
    search.fit(**fit)
    check_end(tmp_path / "run", name)


@pytest.mark.parametrize("place", quick(jobs.KILLED, FAST_PLACES))
def test_a_killed_search_goes_on_and_ends_the_same(place, tmp_path):
    name, (moment, last) = jobs.KILLED[place]
    directory = facts.unpacked(place, tmp_path)
    stored = last + (moment == "stored")
    reached = lth.LotterySearch.load(directory)
    assert reached.finished_levels == list(range(stored))
    assert (directory / f"level{last:02d}" / "ticket").exists()
    before = facts.files_of(directory)
    if not stored and not facts.same_machine():
        # Level 0 trains again, and computes theta_k in this machine's last bits.
        before = {n: v for n, v in before.items() if "/rewind/" not in n}
    search, fit = jobs.SEARCHES[name](str(directory))
    trained: list[int] = []
    history = search.fit(**fit, callbacks=lambda level: trained.append(level))
    assert trained == list(range(stored, 3))
    assert [row["level"] for row in history.results] == [0, 1, 2]
    assert unchanged(before, directory)
    check_end(directory, name)
    # What the next level starts from was chosen by NumPy, from weights that the older
    # version had trained, and is the same on every machine.
    known = facts.stored()["searches"][name]["tickets"]
    for level in range(stored + 1):
        path = directory / f"level{level:02d}" / "ticket"
        ticket = lth.Ticket.load(path)
        found = facts.by_name(facts.of_weights(ticket))
        assert found == known[path.relative_to(directory).as_posix()]
        assert ticket.step == (2 if name != "together" and level else 0)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["frozen_between", "frozen_inside"])
def test_what_both_versions_trained_is_read_by_its_names(place, tmp_path):
    directory = facts.unpacked(place, tmp_path)
    search, fit = jobs.frozen(str(directory))
    search.fit(**fit)
    runs = finished.read(directory).runs
    for level, run in enumerate(runs):
        stored = trained_files.read(run.place)
        trained = {n.partition("/")[2]: value for n, value in stored.items()}
        search.restore(level)
        held = {w.path: w.value for w in lth.Ticket.of(search.model).weights}
        assert facts.by_name({n: [v] for n, v in held.items()}) == facts.by_name(
            {n: [v] for n, v in trained.items()}
        )
        begun = facts.of_weights(search.ticket(level))
        for name, (initial, ended) in run.kept_weights().items():
            value, mask = begun[name]
            assert np.array_equal(initial, value[mask])
            assert np.array_equal(ended, trained[name][mask])


@pytest.mark.parametrize("place", ["layered_between", "together_inside"])
def test_a_stored_search_refuses_other_settings(place, tmp_path):
    name, _ = jobs.KILLED[place]
    directory = facts.unpacked(place, tmp_path)
    before = facts.files_of(directory)
    search, fit = jobs.SEARCHES[name](str(directory))
    with pytest.raises(lth.LotteryError, match=r"other settings: epochs \(stored 2"):
        search.fit(**{**fit, "epochs": 3})
    assert facts.files_of(directory) == before


@pytest.fixture
def whole(tmp_path) -> pathlib.Path:
    """The directory of the search that the older version finished, with controls."""
    return facts.unpacked("finished", tmp_path)


def test_a_finished_search_is_read(whole):
    before, known = facts.files_of(whole), facts.stored()["searches"]["finished"]
    assert facts.of_search(whole) == known
    search = lth.LotterySearch.load(whole)
    assert search.finished_levels == [0, 1, 2]
    assert search.ticket(2).parent == search.ticket(1).fingerprint
    curves = search.history.curves
    assert [curve["iteration"] for curve in curves] == [[3, 5, 6, 9, 10]] + [
        [3, 5, 6, 9, 10]
    ] * 2
    runs = finished.read(whole)
    assert sorted(runs.keys()) == sorted(
        control.replace(":", ",") for control in jobs.CONTROLS
    )
    assert [density for density, _ in runs.weights()] == [
        row["density"] for row in known["rows"][:3]
    ]
    assert facts.files_of(whole) == before


def test_nothing_of_a_finished_search_is_trained_again(whole):
    before = facts.files_of(whole)
    search, fit = jobs.layered(str(whole))
    trained: list[int] = []
    search.fit(**fit, callbacks=lambda level: trained.append(level))
    for control in jobs.CONTROLS:
        lth.controls.run(search, control, levels=[2])
    assert trained == []
    assert facts.files_of(whole) == before
    ended = lth.Ticket.of(search.model)
    held = {weight.path: [weight.value] for weight in ended.weights}
    known = facts.stored()["searches"]["finished"]["trained"]["level02"]
    assert facts.by_name(held) == known


@pytest.mark.slow
def test_a_control_is_added_to_a_finished_search(whole):
    before = facts.files_of(whole)
    search, fit = jobs.layered(str(whole))
    search.prepare(**fit)
    lth.controls.run(search, jobs.ADDED, levels=[2])
    assert unchanged(before, whole)
    check_end(whole, "finished_added")
    added, one_shot = (
        lth.Ticket.load(whole / "controls" / name / "level02-r0" / "ticket")
        for name in (jobs.ADDED.replace(":", ","), "one_shot")
    )
    # The older version chose the one's mask, this one the other's.
    assert [mask.tobytes() for _, mask in added.pruned()] == [
        mask.tobytes() for _, mask in one_shot.pruned()
    ]


@pytest.mark.parametrize("control", quick(jobs.CONTROLS, FAST_CONTROLS))
def test_a_control_of_a_finished_search_comes_out_as_the_older_version_had_it(
    control, whole
):
    place = whole / "controls" / control.replace(":", ",") / "level02-r0"
    old = lth.Ticket.load(place / "ticket")
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    before = facts.files_of(whole)
    search, fit = jobs.layered(str(whole))
    search.prepare(**fit)
    lth.controls.run(search, control, levels=[2])
    assert unchanged(before, whole)
    new = lth.Ticket.load(place / "ticket")
    assert (new.step, new.level, new.density) == (old.step, old.level, old.density)
    # Masks are of NumPy, and so are all weights that are not drawn by Keras.
    assert [mask.tobytes() for _, mask in new.pruned()] == [
        mask.tobytes() for _, mask in old.pruned()
    ]
    if control != "random_reinit":
        assert new.fingerprint == old.fingerprint
    check_end(whole, "finished")
