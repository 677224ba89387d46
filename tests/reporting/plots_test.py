"""`lth.plot_...`: whatever results are given, they are drawn on the caller's axes."""

from __future__ import annotations

import types

import pytest
from matplotlib.figure import Figure

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.storage import files
from tests.support.result_files import search, store


def axes():
    return Figure().subplots()


@pytest.fixture
def run(tmp_path):
    files.write_json(
        tmp_path / "search.json", {"settings": {"levels": 2, "seed": 0, "trial": 0}}
    )
    for each in search(3, "random_reinit"):
        store(tmp_path, each)
    return tmp_path


def drawn(ax) -> dict[str, list[float]]:
    """What each line of the legend stands for, left to right."""
    handles, labels = ax.get_legend_handles_labels()
    lines = [getattr(h, "lines", [h])[0] for h in handles]
    return {n: list(h.get_ydata()) for n, h in zip(labels, lines, strict=True)}


def test_density_is_drawn_on_the_axes_that_are_given(run) -> None:
    ax = axes()
    assert lth.plot_density(run, ax=ax) is ax
    found = drawn(ax)
    assert found["ticket"] == pytest.approx([98.0, 97.9, 97.8])
    assert found["random_reinit"] == pytest.approx([97.9, 97.8])
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["ticket", "random reinitialisation", "dense network"]
    assert ax.get_ylabel() == "test accuracy after training (%)"
    lth.plot_density(run, "early_stop_iteration", ax=(other := axes()))
    assert drawn(other)["ticket"] == [400, 400, 400]


def test_rows_histories_and_several_searches_are_drawn_alike(run) -> None:
    rows = search(3, "random_reinit")
    history = lth.SearchHistory(rows, [], [])
    found = [drawn(lth.plot_density(given, ax=axes())) for given in (rows, history)]
    assert found[0] == found[1] == drawn(lth.plot_density(str(run), ax=axes()))
    both = drawn(lth.plot_density({"a": run, "b": rows}, ax=axes()))
    assert set(both) == {"a", "a, random_reinit", "b", "b, random_reinit"}


def test_an_experiment_of_a_class_of_ones_own_is_drawn(run, tmp_path_factory) -> None:
    class Mine(lth.Experiment):
        """Of a script that adds to it."""

    root = tmp_path_factory.mktemp("experiment")
    run.rename(root / "trial0")
    made = Mine(lambda trial, directory: None, trials=1, directory=root)
    found = drawn(lth.plot_density(made, ax=axes()))
    assert found["ticket"] == pytest.approx([98.0, 97.9, 97.8])


def test_curves_are_drawn_for_the_levels_that_are_asked_for(run) -> None:
    ax = lth.plot_curves(run, densities=[100, 64], ax=axes(), control="random_reinit")
    found = drawn(ax)
    assert set(found) == {"100.0 %", "64.0 %"}
    assert found["64.0 %"] == pytest.approx([90, 95, 97, 98])
    # Both levels of the ticket, and the control at the one that it has.
    assert [line.get_linestyle() for line in ax.get_lines()] == ["-", "-", "--"]


def test_new_axes_are_those_of_pyplot(run, monkeypatch) -> None:
    from matplotlib import pyplot

    monkeypatch.setattr(pyplot, "subplots", lambda **given: (None, Figure().subplots()))
    search = lth.LotterySearch.load(run)
    assert drawn(search.plot())["ticket"] == drawn(lth.plot_density(run))["ticket"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"results": 3}, "results=3: give a search"),
        ({"results": []}, r"results=\[\] holds no finished run"),
        ({"results": {}}, "results={} is empty"),
        ({"metric": "loss"}, "metric='loss': use early_stop_iteration, "),
        ({"ax": types.SimpleNamespace()}, "give axes of matplotlib"),
        ({"monitor_metric": "auc"}, "monitor_metric='auc' was not measured"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(given, said) -> None:
    with pytest.raises(LotteryError, match=said) as caught:
        lth.plot_density(**{"results": search(2), "ax": axes(), **given})
    assert "\n" not in str(caught.value)


def test_curves_need_a_search(run) -> None:
    with pytest.raises(LotteryError, match="has no curves: give a search"):
        lth.plot_curves(search(2), ax=axes())
    with pytest.raises(LotteryError, match="control='noise' has no runs: use random_"):
        lth.plot_curves(run, ax=axes(), control="noise")
