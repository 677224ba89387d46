"""Controls are run at each level, stored with the search, and never twice."""

from __future__ import annotations

import dataclasses

import pytest

import lth_keras as lth
from lth_keras import controls
from lth_keras.controls import registry as transforms
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError
from tests.support import small_search as small
from tests.support.control_cases import X, Y, search


@pytest.mark.slow
def test_controls_are_run_at_each_level_and_stored_with_the_search(tmp_path) -> None:
    model = small.kept()
    one = search(tmp_path, model)
    trained = small.values(model)
    rows = controls.run(one, "random_reinit", replicates=2)
    assert [(r["level"], r["replicate"]) for r in rows] == [
        (1, 0), (1, 1), (2, 0), (2, 1)
    ]  # fmt: skip
    assert {r["control"] for r in rows} == {"random_reinit"}
    by_level = {
        r["level"]: r["density"] for r in one.results if r["control"] == "ticket"
    }
    assert all(r["density"] == by_level[r["level"]] for r in rows)
    assert [r["control"] for r in one.results] == ["ticket"] * 3 + ["random_reinit"] * 4
    assert controls.run(one, "random_reinit", replicates=2) == rows
    assert len(set(small.fingerprints(tmp_path))) == 7
    assert small.same_bits(small.values(model), trained), "the search's last level"
    lth.verify(model)


@pytest.mark.slow
def test_controls_of_one_seed_agree_in_another_run(tmp_path) -> None:
    for name in "ab":
        one = search(
            tmp_path / name, small.compiled(small.dense_model(dropout=0.3)), levels=1
        )
        controls.run(one, "random_reinit", levels=[1])
    assert small.lines(tmp_path / "a") == small.lines(tmp_path / "b")
    assert small.fingerprints(tmp_path / "a") == small.fingerprints(tmp_path / "b")


def test_a_control_of_ones_own_is_a_function_of_the_ticket(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(
        transforms.REGISTRY, "entries", dict(transforms.REGISTRY.entries)
    )

    @controls.register("rewound_dense")
    def rewound_dense(search, case, seed, *, scale: float = 1.0):
        assert scale == 3.0
        weights = search.ticket(0).weights
        return case._replace(ticket=dataclasses.replace(case.ticket, weights=weights))

    one = search(tmp_path, levels=1)
    (row,) = controls.run(one, "rewound_dense:scale=3", levels=[1])
    assert (row["control"], row["density"]) == ("rewound_dense", 1.0)
    assert row["parameters"] == {"scale": 3.0}
    assert "rewound_dense" in syntax.names()


def test_what_cannot_be_run_is_refused(tmp_path) -> None:
    one = search(tmp_path, levels=1)
    with pytest.raises(LotteryError, match="'nothing' is not known: use one of"):
        controls.run(one, "nothing")
    with pytest.raises(LotteryError, match="level=7: give a level of .*, 0 to 1"):
        controls.run(one, "random_reinit", levels=[7])
    with pytest.raises(LotteryError, match="level=0: give a pruned level .*, 1 to 1"):
        controls.run(one, "one_shot", levels=[0])
    with pytest.raises(LotteryError, match="replicates=0"):
        controls.run(one, "random_reinit", replicates=0)
    with pytest.raises(LotteryError, match="call search.fit"):
        controls.run(lth.LotterySearch.load(str(tmp_path)), "random_reinit")


def test_the_search_is_restored_though_a_killed_run_left_its_directory(
    tmp_path,
) -> None:
    model = small.kept()
    one = search(tmp_path, model, levels=1)
    trained = small.values(model)
    one.ticket(1).save(one.directory.control("random_mask", 1).ticket)
    controls.run(one, "random_mask", levels=[1])
    assert small.same_bits(small.values(model), trained)


@pytest.mark.slow
def test_controls_run_while_the_search_is_not_finished(tmp_path) -> None:
    """As in another process, which knows the search by its directory."""
    one = lth.LotterySearch(small.kept(), 2, str(tmp_path))

    def stop(level):
        if level == 2:
            raise KeyboardInterrupt
        return []

    arguments = dict(x=X, y=Y, batch_size=10, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        one.fit(**arguments, callbacks=stop)
    other = lth.LotterySearch(small.kept(), 2, str(tmp_path))
    other.prepare(**arguments)
    (row,) = controls.run(other, "random_reinit", levels=[1])
    whole = search(tmp_path / "whole")
    controls.run(whole, "random_reinit", levels=[1])
    (expected,) = [
        r for r in small.lines(tmp_path / "whole") if r["control"] != "ticket"
    ]
    assert {**row, "seconds": None} == {**expected, "seconds": None}
    with pytest.raises(LotteryError, match="other settings: batch_size"):
        other.prepare(X, Y, batch_size=9)
    nowhere = lth.LotterySearch(small.kept(), 2, str(tmp_path / "none"))
    with pytest.raises(LotteryError, match="holds no search"):
        nowhere.prepare(**arguments)
