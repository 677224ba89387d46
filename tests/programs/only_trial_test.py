"""Processes with a trial each fill one directory, as an array of SLURM does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lth_keras.programs import command_line, lottery_search, run_controls
from lth_keras.storage import files
from tests.support import ray_jobs
from tests.support.places import EXAMPLES, ROOT

JOB = ("--trials=3", "--levels=1", "--iterations=40", "--evaluate_every=20")


@pytest.mark.slow
def test_three_processes_at_once_end_with_the_results_of_one(tmp_path):
    def begin(output: str, *given: str) -> subprocess.Popen:
        flags = [*JOB, "--workers=1", f"--output_dir={output}", *given]
        return subprocess.Popen(
            [sys.executable, str(EXAMPLES / "lottery_search.py"), *flags],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    array = [begin("array", f"--only_trial={trial}") for trial in range(3)]
    outputs = [process.communicate(timeout=900) for process in array]
    assert [error for _, error in outputs] == [""] * 3
    one = begin("one")
    assert one.communicate(timeout=900)[1] == ""
    rows, tickets = ray_jobs.found(tmp_path / "array")
    assert len(rows) == 9 and len(tickets) == 9
    assert (rows, tickets) == ray_jobs.found(tmp_path / "one")
    for trial in range(3):
        lines = files.read_jsonl(tmp_path / "array" / f"trial{trial}" / "results.jsonl")
        assert [line["trial"] for line in lines] == [trial] * 3
    # Whoever was last has shown and drawn all trials.
    assert any("ticket (n=3)" in output for output, _ in outputs)
    assert (tmp_path / "array" / "figure.png").exists()


def refusal(program, arguments: list[str], capsys) -> str:
    assert command_line.run(program.main, ["program", *arguments]) > 0
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_trial_that_the_job_does_not_have_is_refused(tmp_path, capsys):
    given = [*JOB, "--only_trial=3", f"--output_dir={tmp_path / 'x'}"]
    said = refusal(lottery_search, given, capsys)
    assert "--only_trial=3: the trials are 0, 1, 2: name one of them" in said
    assert not (tmp_path / "x").exists()


def test_flags_of_a_cluster_go_with_one(tmp_path, capsys, monkeypatch):
    given = [*JOB, "--gpus_per_run=1", f"--output_dir={tmp_path / 'x'}"]
    said = refusal(lottery_search, given, capsys)
    assert "--gpus_per_run goes with --engine=ray: leave it out" in said
    monkeypatch.setitem(sys.modules, "ray", None)
    for program, more in ((lottery_search, []), (run_controls, [str(tmp_path)])):
        flags = ["--engine=ray", "--controls=random_mask", *more]
        assert "needs Ray: pip install ray" in refusal(program, flags, capsys)
    assert not (tmp_path / "x").exists()
