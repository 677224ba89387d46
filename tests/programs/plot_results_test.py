"""The plotting program: what it writes for which flags, and what it refuses."""

from __future__ import annotations

import os
import pathlib
import re

import pytest

from lth_keras.errors import LotteryError
from lth_keras.programs import (
    command_line,
    lottery_search,
    options,
    plot_analyses,
    plot_flags,
    plot_results,
    plotting,
)
from lth_keras.reporting import vega
from lth_keras.runs import finished, layout, lines
from lth_keras.storage import files
from tests.support.result_files import row, search, store, store_settings


@pytest.fixture(autouse=True)
def without_vega(monkeypatch):
    """Figures of reports are pictures, whatever is installed here."""
    monkeypatch.setattr(vega, "bundle", lambda: None)


def plot(*arguments: object) -> int:
    argv = ["plot_results.py", *map(str, arguments)]
    return command_line.run(plot_results.main, argv, plot_flags.ARGUMENTS)


def refusal(capfd, *arguments: object) -> tuple[int, str]:
    code = plot(*arguments)
    (line,) = capfd.readouterr().err.splitlines()
    return code, line.removeprefix("plot_results.py: ")


def make(root: pathlib.Path, *controls: str, trials: int = 1, **flags) -> pathlib.Path:
    root.mkdir()
    store_settings(root, **{"model": "lenet", "dataset": "mnist", **flags})
    for each in search(3, *controls, trials=trials):
        store(root / f"trial{each['trial']}", each)
    return root


def written(root: pathlib.Path) -> list[str]:
    found = (path.relative_to(root) for path in root.rglob("*"))
    return sorted(
        str(p) for p in found if p.suffix in (".pdf", ".png", ".svg", ".html")
    )


def test_figures_and_report_go_into_the_run_and_are_named(tmp_path, capfd):
    run = make(tmp_path / "run", "random_reinit", trials=2)
    assert plot(run, "--kinds=density,curves") == 0
    names = ["curves", "density"]
    forms = ("pdf", "png", "svg")
    expected = [f"figures/{name}.{form}" for name in names for form in forms]
    assert written(run) == [*expected, "report.html"]
    lines = capfd.readouterr().out.splitlines()
    assert sorted(os.path.relpath(line, run) for line in lines) == written(run)
    assert (run / "report.html").read_text().count("<img ") == 2


def test_two_searches_are_compared_trial_by_trial(tmp_path, capfd):
    one, other = make(tmp_path / "one", trials=2), make(tmp_path / "other", trials=2)
    for each in search(2, trials=2):
        lower = {**each, "test_accuracy": each["test_accuracy"] - 0.01}
        store(other / f"trial{each['trial']}", lower)
    given = ("--compare", "--kinds=density", "--format=svg")
    assert plot(one, other, *given, f"--output_dir={tmp_path / 'both'}") == 0
    told = [re.split("  +", n.strip()) for n in capfd.readouterr().out.splitlines()]
    assert told[1:5] == [
        ["weights (%)", "one", "other", "difference", "trials"],
        ["100.0", "97.95", "96.95", "+1.00 +- 0.00", "2, paired"],
        ["80.0", "97.85", "96.85", "+1.00 +- 0.00", "2, paired"],
        ["64.0", "97.75", "97.75", "+0.00 +- 0.00", "2, paired"],
    ]
    page = (tmp_path / "both" / "report.html").read_text()
    assert "+1.00 +- 0.00" in page


def test_every_kind_of_figure_can_be_drawn():
    assert set(plotting._DRAWN) == set(plot_flags.KINDS)


def measure(run: pathlib.Path, *statistics: str) -> pathlib.Path:
    """A line between two replicates of trial 0; returns its file."""
    for number in range(2):
        store(run / "trial0", row(1, "one_draw", replicate=number))
    curves = {name: {"test_error": [0.1, 0.3, 0.1]} for name in statistics}
    place = layout.RunDirectory(str(run / "trial0")).line("one_draw", 1, 0, 1)
    lines.write(place, lines.Line([0.0, 0.5, 1.0], curves, "accuracy", {"test": 9}))
    return pathlib.Path(lines.file_of(place))


def test_stability_is_drawn_of_the_searches_that_have_any(tmp_path):
    found = {}
    for name, statistics in (
        ("none", ()),
        ("both", ("interpolated", "recalibrated")),
        ("one", ("interpolated",)),
    ):
        run = make(tmp_path / name)
        if statistics:
            measure(run, *statistics)
        found[name] = finished.read(run)
    request = plot_flags.read(["plot_results.py", "a"], "")
    drawn = plot_analyses.draw_stability(found, request, "title")
    assert [name for name, _, _ in drawn] == ["stability2", "stability3"]
    said = ["recalibrated" in caption for _, caption, _ in drawn]
    assert said == [True, False], "each of its own statistics"


def test_a_damaged_line_leaves_out_the_figure_of_lines_alone(tmp_path, capfd):
    run = make(tmp_path / "run")
    measure(run, "interpolated").write_text("{")
    assert plot(run, "--format=svg") == 0
    assert "no stability figure: " in capfd.readouterr().out
    assert "figures/density.svg" in written(run)


@pytest.mark.slow
def test_what_cannot_be_drawn_is_said_unless_it_was_asked_for(tmp_path, capfd):
    run = make(tmp_path / "run")
    out = tmp_path / "out"
    assert plot(run, "--format=svg", f"--output_dir={out}") == 0
    assert written(out) == [
        "curves.svg",
        "density.svg",
        "iterations.svg",
        "report.html",
    ]
    assert "no weights figure: " in capfd.readouterr().out
    code, line = refusal(capfd, run, "--kinds=weights")
    assert code == 1 and "ticket" in line


@pytest.mark.slow
def test_several_searches_are_labelled_by_the_flags_in_which_they_differ(tmp_path):
    first = make(tmp_path / "a", "random_reinit", learning_rate=0.1, levels=3)
    second = make(tmp_path / "b", "one_shot", learning_rate=0.01, levels=5)
    out = tmp_path / "out"
    flags = ("--format=svg", "--kinds=curves,iterations")
    assert plot(first, second, f"--output_dir={out}", *flags) == 0
    expected = ["curves1.svg", "curves2.svg", "iterations.svg", "report.html"]
    assert written(out) == expected
    text = (out / "report.html").read_text()
    assert "<h3>learning_rate=0.1</h3>" in text
    assert "<h3>learning_rate=0.01</h3>" in text
    assert written(first) == written(second) == []


def test_a_control_is_found_however_its_numbers_are_written(tmp_path):
    root = make(tmp_path / "run")
    for sigma in (1.0, 0.5):
        for level in (1, 2):
            store(root / "trial0", row(level, "noise", parameters={"sigma": sigma}))
    found = [finished.read(root)]

    def keys(*flags: str) -> list[str]:
        request = plot_flags.read(["p", str(root), *flags], "")
        (chosen,) = plotting.selected(found, request)
        return chosen.keys()

    for text in ("noise:sigma=1", "noise,sigma=1", "noise:sigma=1.00"):
        assert keys(f"--controls={text}") == ["noise,sigma=1.0"], text
    assert len(keys("--controls=noise")) == len(keys()) == 2
    for text in ("noise:sigma=2", "own"):
        with pytest.raises(LotteryError, match=f"controls='{text}' has no finished"):
            keys(f"--controls={text}")


@pytest.mark.slow
def test_captions_speak_of_means_only_where_there_are_several_trials(tmp_path):
    for trials, about in ((2, "are means over trials; bars"), (1, "are single runs.")):
        run = make(tmp_path / str(trials), trials=trials)
        assert plot(run, "--format=svg", "--kinds=density") == 0
        text = (run / "report.html").read_text()
        assert f"Points {about}" in text
        assert ("over trials" in text) is (trials == 2)


@pytest.mark.slow
def test_a_report_shows_the_metric_that_is_asked_for(tmp_path, capfd):
    run = tmp_path / "run"
    run.mkdir()
    store_settings(run, model="lenet", dataset="mnist")
    for level in range(3):
        cut = {"early_stop_iteration": 2000, "early_stop_censored": True}
        metrics = {"test_loss": 0.125 + level, "test_accuracy": 0.5}
        found = row(level, metrics=metrics, early_stop_metrics=metrics, **cut)
        curve = {"iteration": [500, 2000]}
        curve |= {name: [value, value] for name, value in metrics.items()}
        store(run / "trial0", found, curve)
    kinds = "--kinds=density,curves,iterations"
    assert plot(run, kinds, "--format=svg", "--monitor_metric=loss") == 0
    text = (run / "report.html").read_text()
    assert ">Test loss after training</label>" in text
    assert "<td>0.125</td>" in text and "<td>&gt;=2000</td>" in text
    assert "Test loss while networks" in text and "Hollow points" in text
    capfd.readouterr()
    code, line = refusal(capfd, run, "--monitor_metric=mae", "--kinds=density")
    assert (code, "use one of loss, accuracy" in line) == (1, True)


def test_searches_without_such_flags_are_labelled_by_their_directories(tmp_path):
    (tmp_path / "x").mkdir()
    runs = [make(tmp_path / "a"), make(tmp_path / "b"), make(tmp_path / "x" / "a")]
    found = [finished.read(run) for run in runs]
    assert plotting.labels(found[:2]) == ["a", "b"]
    assert plotting.labels(found) == [str(run) for run in runs]


def test_flags_are_read_before_and_behind_the_directories():
    flags = ("--densities=100,51.3", "--at=25%,5000", "--levels=0,2-4")
    controls = "--controls=noise,sigma=0.5,one_shot,noise:sigma=3"
    for order in ((*flags, controls, "run"), ("run", *flags, controls)):
        request = plot_flags.read(["p", *order], "")
        assert request.run_dirs == ("run",)
        assert request.densities == (100, 51.3)
        assert request.at == (0.25, 5000)
        assert request.levels == (0, 2, 3, 4)
        assert request.controls == ("noise,sigma=0.5", "one_shot", "noise:sigma=3")
    assert plot_flags.read(["p", "run", "--controls=none"], "").controls == ()
    assert plot_flags.read(["p", "run"], "").controls is None


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ([], "RUN_DIR is missing"),
        (["a", "b"], "--output_dir is missing"),
        (["a", "a", "--output_dir=x"], "one RUN_DIR is named twice"),
        (["a", "--compare"], "--compare takes two RUN_DIRs, not 1"),
        (["a", "--kinds=pies"], "--kinds=pies: use any of density, curves"),
        (["a", "--densities=0"], "--densities=0: use percentages such as"),
        (["a", "--densities=x"], "--densities=x: use percentages such as"),
        (["a", "--at=101%"], "--at=101%: use iterations such as"),
        (["a", "--at=1"], "--at=1: use iterations such as"),
        (["a", "--levels=3-"], "--levels=3-: use levels such as"),
        (["a", "--levels=5-3"], "--levels=5-3: use levels such as"),
        (["a", "--levels=0-999999999999"], "--levels=0-999999999999: use levels such"),
        (["a", "--format=jpg"], "--format=jpg: use any of png, svg"),
        (["a", "--labels=x,y"], "--labels=x,y: give 1 different names"),
    ],
)
def test_a_wrong_flag_is_one_line_and_2(capfd, flags, text):
    code, line = refusal(capfd, *flags)
    assert code == 2
    assert line.startswith(text)


def test_a_directory_that_cannot_be_shown_is_one_line_and_1(tmp_path, capfd):
    assert refusal(capfd, tmp_path / "none")[0] == 1
    code, line = refusal(capfd, tmp_path)
    assert code == 1 and "is no run" in line
    files.write_json(tmp_path / "settings.json", {"flags": {}})
    code, line = refusal(capfd, tmp_path)
    assert code == 1 and "has no finished run yet" in line
    run = make(tmp_path / "run", "random_reinit")
    code, line = refusal(capfd, run, "--controls=one_shot")
    assert code == 1
    assert line.startswith("--controls='one_shot' has no finished run in")
    code, line = refusal(capfd, run, "--kinds=iterations", "--at=9000")
    assert code == 1 and line.startswith("--at=9000: no run was evaluated")
    assert written(tmp_path) == []


@pytest.mark.slow
def test_every_kind_is_drawn_of_a_real_search(tmp_path, capfd):
    run = tmp_path / "run"
    flags = ("--iterations=20", "--evaluate_every=5", "--jit=off", "--levels=2")
    argv = ["lottery_search.py", *flags, f"--output_dir={run}"]
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
    capfd.readouterr()
    for root in (run, run / "trial0"):
        assert plot(root) == 0
        out, err = capfd.readouterr()
        assert err == "" and "no " not in out.replace(str(tmp_path), "")
        assert len([path for path in written(root) if "figures" in path]) >= 8
        assert (root / "report.html").stat().st_size < 2_000_000
