"""Processes with a trial each fill one directory, by the script of docs/cluster.md."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lth_keras.programs import command_line, lottery_search, run_controls
from lth_keras.storage import files
from tests.support import pages, ray_jobs
from tests.support.places import EXAMPLES, ROOT

JOB = ("--trials=3", "--levels=1", "--iterations=40", "--evaluate_every=20")


def script() -> str:
    """What `sbatch` is given, on tiny data and with three trials."""
    (block,) = [b for b in pages.blocks() if "SLURM_ARRAY" in b.text]
    assert block.page == "docs/cluster.md" and "#SBATCH --array=0-4" in block.text
    text = block.text
    for written, instead in (
        ("--flagfile=lenet --data_dir=DIR --trials=5", " ".join(JOB)),
        ("/shared/lenet", "array"),
        ("lth-search", f"{sys.executable} {EXAMPLES / 'lottery_search.py'}"),
    ):
        assert text.count(written) == 1
        text = text.replace(written, instead)
    return text


@pytest.mark.slow
def test_three_processes_at_once_end_with_the_results_of_one(tmp_path):
    def begin(command: list[str], **variables: str) -> subprocess.Popen:
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    (tmp_path / "array.sbatch").write_text(script())
    array = [
        begin(["bash", "array.sbatch"], SLURM_ARRAY_TASK_ID=str(trial))
        for trial in range(3)
    ]
    outputs = [process.communicate(timeout=900) for process in array]
    assert [error for _, error in outputs] == [""] * 3
    program = [sys.executable, str(EXAMPLES / "lottery_search.py")]
    one = begin([*program, *JOB, "--workers=1", "--output_dir=one"])
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
