"""--method: what it trains, and what does not go with it."""

from __future__ import annotations

import json

import pytest

from lth_keras.programs import lottery_search, method_runs, options
from lth_keras.programs.command_line import FlagError


def read(*arguments: str) -> options.Options:
    return options.read(["lottery_search.py", *arguments], "")


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("--levels=3", "levels"),
        ("--rate=0.2", "rate"),
        ("--dense_rate=0.2", "dense_rate"),
        ("--scope=global", "scope"),
        ("--criterion=movement", "criterion"),
        ("--rewind_to=5it", "rewind_to"),
        ("--controls=random_reinit", "controls"),
        ("--replicates=2", "replicates"),
    ],
)
def test_flags_of_rounds_do_not_go_with_a_method_that_has_none(flag, name):
    wanted = f"--{name} is for --method=imp, and edge_popup has no rounds of it"
    with pytest.raises(FlagError, match=wanted):
        read("--method=edge_popup:keep=0.3", flag)


def test_a_method_has_its_phases_as_levels_and_no_controls():
    for text, levels in (("dsd", 2), ("edge_popup:keep=0.3", 0), ("iht:rounds=2", 5)):
        found = method_runs.with_phases(read(f"--method={text}"))
        assert (found.levels, found.controls) == (levels, ())
    assert method_runs.with_phases(read()) == read()


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("magic", "method 'magic' is not known: use one of .*edge_popup"),
        ("dsd:keep=1", "'keep' is no parameter of dsd"),
        ("iht:rounds=0", "rounds=0: give a number of rounds"),
    ],
)
def test_methods_that_there_are_not_are_refused_in_one_line(method, message):
    with pytest.raises(FlagError, match=f"--method={method}: .*{message}"):
        method_runs.with_phases(read(f"--method={method}"))


def test_a_decay_takes_the_place_of_drops():
    assert read("--lr_decay=cosine", "--model=resnet18").lr_drops == ()
    assert read("--lr_decay=cosine").lr_decay == "cosine"
    with pytest.raises(FlagError, match="--lr_decay=cosine does not go with"):
        read("--lr_decay=cosine", "--lr_drops=0.5")
    for wrong in ("linear", "cosine:cycles=0", "cosine:cycle=2"):
        with pytest.raises(FlagError, match="use none, cosine, or cosine:cycles=4"):
            read(f"--lr_decay={wrong}")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["edge_popup:keep=0.3", "dsd:rates=0.5"])
def test_a_job_of_a_method_ends_in_lines_and_goes_on(method, tmp_path, capsys):
    arguments = [
        "lth-search",
        f"--method={method}",
        "--iterations=4",
        "--evaluate_every=2",
        "--trials=2",
        "--jit=off",
        f"--output_dir={tmp_path / 'job'}",
    ]
    lottery_search.main(arguments)
    text = (tmp_path / "job" / "results.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    levels = [0, 1, 2] if method.startswith("dsd") else [0]
    assert [(r["trial"], r["level"]) for r in rows] == [
        (trial, level) for trial in (0, 1) for level in levels
    ]
    assert "phases of 4 iterations" in capsys.readouterr().out
    lottery_search.main(arguments)
    assert (tmp_path / "job" / "results.jsonl").read_text() == text
    with pytest.raises(FlagError, match="keep=0.0: give|rate=0.0 is not"):
        method = method.split("=")[0] + "=0"
        lottery_search.main([*arguments[:1], f"--method={method}", *arguments[2:-1],
                             f"--output_dir={tmp_path / 'other'}"])  # fmt: skip
    assert not (tmp_path / "other").exists()
