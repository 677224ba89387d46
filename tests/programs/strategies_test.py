"""--strategy=mirrored as docs/cluster.md has it, a process a job."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Mapping

import numpy as np
import pytest

from lth_keras.search.search import LotterySearch
from tests.support.contents import content
from tests.support.places import ROOT

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
_JOB = (
    *("--levels=2", "--iterations=60", "--rewind_to=5it", "--evaluate_every=20"),
    *("--hidden=20,10", "--controls=random_reinit", "--jit=off"),
)
_TWO = ("--strategy=mirrored", "--devices=2")


def started(
    directory: pathlib.Path, *flags: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    program = str(ROOT / "examples" / "lottery_search.py")
    return subprocess.Popen(
        [sys.executable, program, *_JOB, *flags, f"--output_dir={directory}"],
        cwd=directory.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(job: subprocess.Popen[str]) -> str:
    said, _ = job.communicate(timeout=300)
    return said


def wait_for(path: pathlib.Path, job: subprocess.Popen[str]) -> None:
    """Until a file is there, or its job has ended."""
    end = time.monotonic() + 250
    while not path.exists() and job.poll() is None and time.monotonic() < end:
        time.sleep(0.01)


def lines(directory: pathlib.Path) -> list[dict]:
    text = (directory / "results.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def workers(directory: pathlib.Path) -> list[subprocess.Popen[str]]:
    """Two of --strategy=multiworker on free ports; the first is the chief."""
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        places = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two)]
    found = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": places}, "task": task})
        flag = "--strategy=multiworker"
        found.append(started(directory, flag, environment={"TF_CONFIG": config}))
    return found


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("mirrored") / "run"
    job = started(directory, *_TWO)
    assert "100 %" in finished(job)
    assert job.returncode == 0
    return directory


def test_two_replicas_find_what_one_does_but_for_rounding(mirrored, tmp_path):
    job = started(tmp_path / "one")
    finished(job)
    assert job.returncode == 0
    for two, one in zip(lines(mirrored), lines(tmp_path / "one"), strict=True):
        for name in ("trial", "level", "control", "density", "iterations", "seed"):
            assert two[name] == one[name]
        for name in ("test_accuracy", "train_accuracy", "validation_loss"):
            assert two[name] == pytest.approx(one[name], abs=0.01)
    of_two, of_one = (
        LotterySearch.load(place / "trial0") for place in (mirrored, tmp_path / "one")
    )
    for level in range(3):
        pairs = zip(
            of_two.ticket(level).weights, of_one.ticket(level).weights, strict=True
        )
        for two, one in pairs:
            if two.mask is None:
                continue
            assert two.mask.sum() == one.mask.sum()
            # Two weights of nearly one size may change places.
            assert np.mean(two.mask != one.mask) < 0.01
    # The same batches, but sums in another order.
    for two, one in zip(
        of_two.trained_weights(0), of_one.trained_weights(0), strict=True
    ):
        assert np.allclose(two, one, atol=1e-4)


def test_the_number_of_replicas_stands_in_search_and_tickets(mirrored):
    search = LotterySearch.load(mirrored / "trial0")
    manifest = json.loads((mirrored / "trial0" / "search.json").read_text())
    assert manifest["settings"]["replicas"] == 2
    assert search.ticket(2).settings["replicas"] == 2
    assert json.loads((mirrored / "settings.json").read_text())["flags"]["devices"] == 2


def test_a_job_that_was_killed_ends_as_one_that_was_not(mirrored, tmp_path):
    directory = tmp_path / "killed"
    job = started(directory, *_TWO)
    wait_for(directory / "trial0" / "level01" / "ticket", job)
    job.kill()
    assert finished(job) is not None and job.returncode == -9
    job = started(directory, *_TWO)
    assert "going on: " in finished(job)
    assert job.returncode == 0
    for two, one in zip(lines(directory), lines(mirrored), strict=True):
        assert {**two, "seconds": 0} == {**one, "seconds": 0}
    assert content(directory) == content(mirrored)


def test_two_workers_of_whom_the_chief_is_killed_end_as_two_devices(mirrored, tmp_path):
    directory = tmp_path / "workers"
    chief, other = workers(directory)
    wait_for(directory / "trial0" / "level01" / "ticket", chief)
    chief.kill()
    began = time.monotonic()
    *_, line = finished(other).splitlines()
    assert time.monotonic() - began < 60
    assert line.endswith("as though nothing had happened.")
    assert "a worker was lost; start all again" in line
    assert other.returncode == 1
    for job in workers(directory):
        assert "100 %" in finished(job)
        assert job.returncode == 0
    found, expected = content(directory), content(mirrored)
    # Which strategy it was.
    assert found.pop("settings.json") != expected.pop("settings.json")
    assert found == expected


def test_workers_without_a_cluster_are_refused_in_one_line(tmp_path):
    job = started(tmp_path / "run", "--strategy=multiworker")
    (line,) = finished(job).splitlines()
    assert "TF_CONFIG does not say which worker this is" in line
    assert job.returncode == 2
    assert not (tmp_path / "run").exists()


def refusals() -> None:
    """In a process whose CPU has two parts."""
    from lth_keras.programs import options, strategies
    from lth_keras.programs.command_line import FlagError

    for flags, said in (
        ([], "there is no GPU here; --devices=2 trains on two parts of the CPU"),
        (["--devices=7"], "use a multiple of 7"),
        (["--devices=2", "--jit=on"], "XLA is not asked to compile a step"),
    ):
        argv = ["lottery_search.py", "--strategy=mirrored", *flags]
        with pytest.raises(FlagError) as caught:
            strategies.of(options.read(argv, "About."))
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_devices_that_cannot_be_used_are_refused_in_one_line(in_own_process):
    in_own_process(refusals)
