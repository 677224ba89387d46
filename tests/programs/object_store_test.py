"""The whole product on gs://, by TensorFlow's client, and what it asks for there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.storage import files, paths
from tests.support import small_search as small
from tests.support import stand_in_gcs
from tests.support.places import EXAMPLES, ROOT

JOB = ("--levels=2", "--iterations=40", "--evaluate_every=20", "--workers=1")


@pytest.fixture
def server() -> Iterator[stand_in_gcs.Server]:
    with stand_in_gcs.Server() as served:
        yield served


@pytest.mark.slow
def test_a_job_that_is_killed_goes_on_and_all_programs_work_there(server, tmp_path):
    environment = {**os.environ, **server.environment, "PYTHONPATH": str(ROOT)}

    def begin(program: str, *given: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(EXAMPLES / program), *given],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(program: str, *given: str) -> str:
        process = begin(program, *given)
        out, err = process.communicate(timeout=900)
        assert (process.returncode, err) == (0, ""), out
        return out

    far = "--output_dir=gs://bucket/far"
    killed = begin("lottery_search.py", *JOB, far)
    for _ in range(3):  # The head line and two finished runs.
        killed.stdout.readline()
    killed.kill()
    killed.communicate()
    assert any("/lock/" in name for name in server.names("bucket"))
    server.age(100)  # So much later, what it held has lapsed.
    assert "going on" in run("lottery_search.py", *JOB, far)
    run("run_controls.py", "gs://bucket/far", "--controls=random_mask", "--levels=2")
    run("lottery_search.py", *JOB, "--output_dir=near")
    run("run_controls.py", "near", "--controls=random_mask", "--levels=2")
    run("plot_results.py", "gs://bucket/far", "--output_dir=plots")
    assert (tmp_path / "plots" / "report.html").exists()
    run("export_ticket.py", "gs://bucket/far", "--level=1", "--output=exported")
    assert list((tmp_path / "exported").rglob("saved_model.pb"))

    names = set(server.names("bucket"))
    assert not any("/lock/" in name or ".lth-partial" in name for name in names)
    prefix = "far/"
    for file in (tmp_path / "near").rglob("*"):
        name = prefix + file.relative_to(tmp_path / "near").as_posix()
        if file.is_file() and file.name != "lock":
            assert name in names
        if file.suffix == ".npz":
            _, _, stored = server.objects["bucket", name]
            assert stored == file.read_bytes()
    rows = files.read_jsonl(tmp_path / "near" / "results.jsonl")
    (tmp_path / "far.jsonl").write_bytes(
        server.objects["bucket", "far/results.jsonl"][2]
    )
    stored = files.read_jsonl(tmp_path / "far.jsonl")
    assert len(rows) == 6
    assert [{**row, "seconds": 0} for row in stored] == [
        {**row, "seconds": 0} for row in rows
    ]


@pytest.mark.slow
def test_requests_of_a_run_do_not_grow_with_the_number_of_levels(server, monkeypatch):
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)

    def requests(levels: int) -> dict[str, list[int]]:
        """Requests of each run but those of the first level and the last."""
        found: dict[str, list[int]] = {"ticket": [], "random_reinit": []}

        def told(row: dict[str, Any]) -> None:
            found[row["control"]].append(server.count())

        def make_search(trial: int, directory: str) -> Any:
            model = small.compiled(small.dense_model(seed=trial), rate=0.1)
            search = lth.LotterySearch(
                model, levels, directory, trial=trial, seed=trial, on_result=told
            )
            return search, {"x": small.X, "y": small.Y, "batch_size": small.BATCH}

        lth.Experiment(
            make_search, 1, "random_reinit", f"gs://bucket/levels{levels}"
        ).run()
        return {control: counts[1:] for control, counts in found.items()}

    few, many = requests(2), requests(6)
    assert len(many["ticket"]) == 6 and len(many["random_reinit"]) == 5
    for control, most in (("ticket", 60), ("random_reinit", 120)):
        # What TensorFlow remembers of a few seconds makes them differ by a few.
        assert max(many[control]) <= max(few[control]) + 8, control
        assert max(many[control]) <= most


def test_a_store_that_tensorflow_does_not_know_is_refused_in_one_line():
    with pytest.raises(LotteryError) as error:
        paths.exists("s3://bucket/run/settings.json")
    assert str(error.value) == (
        "cannot read s3://bucket/run/settings.json: TensorFlow has no file system of "
        "s3://: use gs://, or a local directory, as one that it is mounted on."
    )
