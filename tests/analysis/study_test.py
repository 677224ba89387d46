"""What a study trains, and what it refuses."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.analysis import children
from lth_keras.analysis.study import Study
from lth_keras.errors import LotteryError
from tests.support import small_search as small


def trained(study: Study, **given) -> list[tuple[str, int, int, str]]:
    return [(c.of, c.level, c.step, c.control) for c in study.starts(**given)]


def test_children_are_replicates_of_a_control():
    assert children.control_of("ticket", 500) == "weight_rewind:step=500it"
    assert children.control_of("ticket", 0, "prune") == "one_draw"
    assert children.control_of("inits", 0) == "random_reinit"
    assert children.control_of("random_reinit", 0) == "random_reinit+one_draw"
    rewound = "random_mask+weight_rewind:step=5it+one_draw"
    assert children.control_of("random_mask", 5) == rewound
    assert children.control_of("random_mask", 0, "prune") == "random_mask+one_draw"
    for text in (rewound, "random_reinit+one_draw"):
        assert lth.controls.parse(text).steps


def test_every_level_is_trained_from_every_iteration():
    study = Study([7, 0], ["0it", "2ep"])
    rewind = "weight_rewind:step={}it".format
    assert trained(study, steps_per_epoch=10) == [
        ("ticket", 0, 0, rewind(0)),
        ("ticket", 7, 0, rewind(0)),
        ("ticket", 0, 20, rewind(20)),
        ("ticket", 7, 20, rewind(20)),
    ]


def test_what_starts_from_weights_of_its_own_does_so_at_iteration_0_alone():
    study = Study([7], ["0it", "5it"], ["inits", "noise:sigma=1"])
    assert [each[:3] for each in trained(study)] == [
        ("inits", 7, 0),
        ("noise:sigma=1", 7, 0),
    ]
    with pytest.raises(LotteryError, match="add rewind_to='0it'"):
        Study([7], "5it", "inits").starts()


def test_a_mask_of_the_dense_network_is_left_out():
    found = trained(Study([0, 7], of=["ticket", "random_mask"]))
    assert [each[:2] for each in found] == [
        ("ticket", 0),
        ("ticket", 7),
        ("random_mask", 7),
    ]
    with pytest.raises(LotteryError, match="prunes nothing"):
        Study([0], of="random_mask").starts()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": []}, r"levels=\[\]: name one or more"),
        ({"levels": 3}, "levels=3: give a list of levels"),
        ({"levels": [-1]}, "levels=-1"),
        ({"levels": [1], "rewind_to": []}, "name one or more of each"),
        ({"levels": [1], "rewind_to": "later"}, "is not a point in training"),
        ({"levels": [1], "of": "nothing"}, "of='nothing': use 'ticket'"),
        ({"levels": [1], "children": 1}, "children=1"),
        ({"levels": [1], "alphas": 1}, "alphas=1"),
        ({"levels": [1], "examples": -1}, "examples=-1"),
    ],
)
def test_what_cannot_be_studied_is_refused(arguments, message):
    with pytest.raises(LotteryError, match=message):
        Study(**arguments)


def make_search(trial: int, directory: str):
    one = lth.LotterySearch(small.compiled(), 1, directory, trial=trial, seed=trial)
    return one, {"x": small.X, "y": small.Y, "verbose": 0, "test_data": small.TEST}


STUDY = Study([0, 1], ["0it", "1it"], ["ticket", "random_mask"], alphas=3)


def experiment(folder, study=STUDY) -> lth.Experiment:
    return lth.Experiment(make_search, 2, directory=str(folder), stability=study)


@pytest.mark.slow
def test_any_number_of_workers_measures_the_same(tmp_path):
    found = []
    for workers in (1, 2):
        experiment(tmp_path / str(workers)).run(workers=workers)
        found.append(lth.analysis.stability(tmp_path / str(workers)))
    assert len(found[0]) == 2 * 6
    for one, other in zip(*found, strict=True):
        assert repr(one) == repr(other) and one.lines == other.lines


@pytest.mark.slow
def test_a_study_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    small_study = Study([1], alphas=3)
    experiment(tmp_path / "whole", small_study).run()
    seen = []

    def stop(*_):
        seen.append(_)
        raise KeyboardInterrupt

    monkeypatch.setattr("lth_keras.analysis.along.Along.__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        experiment(tmp_path / "cut", small_study).run()
    monkeypatch.undo()
    capsys.readouterr()
    experiment(tmp_path / "cut", small_study).run()
    assert "going on: 6 of 10 runs are stored" in capsys.readouterr().out
    whole, cut = (lth.analysis.stability(tmp_path / n) for n in ("whole", "cut"))
    assert [each.lines for each in whole] == [each.lines for each in cut]


def test_an_experiment_refuses_what_it_could_not_train(tmp_path):
    with pytest.raises(LotteryError, match="stability='x': give an lth.analysis.Study"):
        lth.Experiment(make_search, directory=str(tmp_path), stability="x")
    with pytest.raises(LotteryError, match="the search has levels 0 to 1"):
        experiment(tmp_path / "a", Study([5])).run()
    with pytest.raises(LotteryError, match="of=ticket: weight_rewind:step=9it is past"):
        experiment(tmp_path / "a", Study([1], "9it")).run()
    assert not (tmp_path / "a").exists()
