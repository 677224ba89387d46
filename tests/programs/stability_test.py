"""The stability of a finished search, from its directory alone."""

from __future__ import annotations

import pathlib
import re
import shutil

import pytest

import lth_keras as lth
from lth_keras.programs import (
    command_line,
    lottery_search,
    options,
    plot_flags,
    plot_results,
    stability,
)
from tests.support import run_directories

SMALL = ("--iterations=20", "--evaluate_every=10", "--jit=off", "--levels=2")


def start(*arguments: str) -> int:
    argv = ["stability.py", *map(str, arguments)]
    return command_line.run(stability.main, argv, stability.ARGUMENTS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("search") / "run"
    argv = ["lottery_search.py", *SMALL, "--controls=none", f"--output_dir={folder}"]
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
    return folder


@pytest.fixture
def job(finished, tmp_path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.slow
def test_it_trains_children_measures_and_shows_the_table(job, capfd):
    given = ("--rewind_to=0it,10it", "--levels=0,2", "--of=ticket,inits", "--alphas=3")
    assert start(job, *given) == 0
    out, err = capfd.readouterr()
    assert err == "" and "instability" in out
    found = lth.analysis.stability(job)
    assert [(f.of, f.level, f.rewind_to) for f in found] == [
        ("inits", 0, 0),
        ("inits", 2, 0),
        ("ticket", 0, 0),
        ("ticket", 0, 10),
        ("ticket", 2, 0),
        ("ticket", 2, 10),
    ]
    assert all(f.errors.shape == (1, 3) for f in found)
    before = [f.lines for f in found]
    assert start(job, *given) == 0
    assert [f.lines for f in lth.analysis.stability(job)] == before
    argv = ["plot_results.py", str(job), "--format=svg"]
    assert command_line.run(plot_results.main, argv, plot_flags.ARGUMENTS) == 0
    assert (job / "figures" / "stability.svg").exists()
    assert not (job / "figures" / "overlap.svg").exists()
    assert (job / "figures" / "density.svg").exists()


@pytest.mark.slow
def test_workers_measure_what_one_process_does(tmp_path, capfd):
    folder = tmp_path / "run"
    argv = ["lottery_search.py", *SMALL, "--controls=none", "--workers=1"]
    argv.append(f"--output_dir={folder}")
    assert command_line.run(lottery_search.main, argv, options.ARGUMENTS) == 0
    other = shutil.copytree(folder, tmp_path / "other")
    for place, workers in ((folder, 1), (other, 2)):
        assert start(place, "--levels=0,2", "--alphas=3", f"--workers={workers}") == 0
    one, two = (lth.analysis.stability(place) for place in (folder, other))
    assert [f.lines for f in one] == [f.lines for f in two]
    assert start(folder, "--workers=0") == 2
    assert "several threads and one do not give the same results" in (
        capfd.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "RUN_DIR is missing"),
        (("nowhere",), "nowhere is no --output_dir of lottery_search.py"),
        (("run", "--children=1"), "--children=1"),
        (("run", "--alphas=1"), "--alphas=1"),
        (("run", "--levels=x"), "use numbers such as 0,7,12"),
        (("run", "--level=1"), "did you mean --levels?"),
    ],
)
def test_a_wrong_flag_is_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_directories.search(tmp_path / "run")
    assert start(*arguments) in (1, 2)
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--levels=7", "--levels=7: the search in .* has levels 0 to 2"),
        ("--rewind_to=20it", "step=20it is past the end of a run of 20 iterations"),
        ("--rewind_to=2ep", "counts epochs"),
        ("--rewind_to=soon", "--rewind_to='soon' is not a point in training"),
        ("--of=nothing", "--of='nothing': use 'ticket', 'inits', or a control"),
        ("--of=inits --rewind_to=5it", "--of=inits starts from weights of its own"),
    ],
)
def test_what_does_not_go_with_the_search_is_refused(job, arguments, message, capsys):
    before = sorted(job.rglob("*"))
    assert start(job, *arguments.split()) in (1, 2)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(message, err), err
    assert [p for p in sorted(job.rglob("*")) if p.name != "lock"] == [
        p for p in before if p.name != "lock"
    ]
