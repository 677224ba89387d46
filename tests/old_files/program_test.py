"""A directory that an older version's program left goes on with every program."""

from __future__ import annotations

import json
import pathlib
import runpy
import shutil
import sys

import pytest

import lth_keras as lth
from tests.old_files import facts, jobs
from tests.support.places import EXAMPLES

# What a program that goes on may write anew.
GROWING = {
    "settings.json",
    "results.jsonl",
    "trial0/results.jsonl",
    "trial1/results.jsonl",
}


def start(name: str, *arguments: object) -> int:
    """The exit code of an example program, run in this process."""
    script = EXAMPLES / f"{name}.py"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", [str(script), *map(str, arguments)])
        runpy.run_path(str(script), run_name="__main__")
    return ended.value.code or 0


def rows(folder: pathlib.Path) -> list[dict]:
    lines = (folder / "results.jsonl").read_text().splitlines()
    return [facts.without_seconds(json.loads(line)) for line in lines]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> pathlib.Path:
    """The directory as the older version left it; no test changes it."""
    return facts.unpacked("program", tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def gone_on(stopped, tmp_path_factory) -> pathlib.Path:
    """The same after this version's program; no test changes it."""
    folder = tmp_path_factory.mktemp("new") / "job"
    shutil.copytree(stopped, folder)
    assert start("lottery_search", *jobs.FLAGS, f"--output_dir={folder}") == 0
    return folder


@pytest.fixture
def job(gone_on, tmp_path) -> pathlib.Path:
    """A copy that a test may change."""
    return pathlib.Path(shutil.copytree(gone_on, tmp_path / "job"))


@pytest.mark.slow
def test_the_program_goes_on_and_ends_the_same(stopped, gone_on):
    stored = [len(lth.LotterySearch.load(stopped / t).results) for t in trials()]
    assert sum(stored) == jobs.STORED_RUNS
    before, after = facts.files_of(stopped), facts.files_of(gone_on)
    assert {n: after.get(n) for n in before if n not in GROWING} == {
        n: content for n, content in before.items() if n not in GROWING
    }
    known = facts.stored()["program"]
    for trial in trials():
        found = facts.of_search(gone_on / trial)
        facts.check_rows(found["rows"], known[trial]["rows"])
        assert list(found["tickets"]) == list(known[trial]["tickets"])
        if facts.same_machine():
            assert facts.but_rows(found) == facts.but_rows(known[trial])
        assert rows(gone_on / trial) == found["rows"]
    assert rows(gone_on) == rows(gone_on / "trial0") + rows(gone_on / "trial1")


def trials() -> list[str]:
    return ["trial0", "trial1"]


@pytest.mark.slow
def test_the_stored_flags_stay_and_new_ones_are_added(stopped, gone_on):
    before, after = (
        json.loads((folder / "settings.json").read_text())["flags"]
        for folder in (stopped, gone_on)
    )
    assert {name: after[name] for name in before} == before


def test_the_program_refuses_other_flags_by_name(stopped, tmp_path, capfd):
    folder = shutil.copytree(stopped, tmp_path / "job")
    before = facts.files_of(folder)
    flags = [*jobs.FLAGS, "--learning_rate=0.02", f"--output_dir={folder}"]
    assert start("lottery_search", *flags) == 1
    assert "--learning_rate (stored 0.01, given 0.02)" in capfd.readouterr().err
    assert facts.files_of(folder) == before


@pytest.mark.slow
def test_controls_are_added_from_the_stored_flags(job):
    before = rows(job)
    added = "--controls=noise:sigma=0.5"
    assert start("run_controls", job, added, "--levels=2") == 0
    after = rows(job)
    assert [row for row in after if row["control"] != "noise"] == before
    assert [row["trial"] for row in after if row["control"] == "noise"] == [0, 1]


@pytest.mark.slow
def test_a_ticket_is_exported_from_the_stored_flags(job, tmp_path):
    place = tmp_path / "export"
    assert start("export_ticket", job, "--level=2", f"--output={place}") == 0
    (exported,) = place.rglob("saved_model.pb")
    model = jobs.tf.saved_model.load(str(exported.parent))
    assert "serving_default" in model.signatures


@pytest.mark.slow
def test_figures_are_drawn_of_it(job, stopped, tmp_path):
    assert start("plot_results", job, f"--output_dir={tmp_path / 'figures'}") == 0
    drawn = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert {"density", "curves", "iterations", "weights"} <= drawn
    # Of one that is still unfinished, too.
    assert start("plot_results", stopped, f"--output_dir={tmp_path / 'early'}") == 0
    assert list((tmp_path / "early").glob("*.png"))
