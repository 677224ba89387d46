"""A job that is killed and started again ends as one that was never killed.

Kills strike at a random act on the disk (before a file is opened, flushed, renamed or
removed, or in the midst of a line), or at a random moment, during training too; where
there are workers, at the job, at one of them, or at all processes at once. A quarter of
the jobs, and those of the sample, are killed again while they go on.
"""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from tests.support.campaigns import Campaign
from tests.support.contents import content
from tests.support.killing import Ended, Jobs


class Kind(NamedTuple):
    """How often a job is killed: in the campaign, and in the suite."""

    full: int
    sample: int


KINDS = {
    "library": Kind(42, 1),
    "library_chain": Kind(8, 1),
    "library_jit": Kind(4, 1),
    "held": Kind(4, 1),
    "experiment": Kind(6, 1),
    "experiment_workers": Kind(10, 1),
    "program": Kind(12, 1),
    "program_workers": Kind(8, 1),
    "library_early": Kind(6, 1),
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    with Jobs(tmp_path_factory.mktemp("jobs")) as found:
        yield found


def test_a_campaign_kills_a_hundred_jobs() -> None:
    assert sum(kind.full for kind in KINDS.values()) == 100


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind == "library" else pytest.mark.slow)
        for kind in KINDS
    ],
)
def test_a_killed_job_ends_as_one_never_killed(
    kind: str, campaign: Campaign, jobs: Jobs, tmp_path: pathlib.Path
) -> None:
    whole = jobs.run(kind, tmp_path / "whole")
    assert whole.status == 0, whole.said
    expected = content(tmp_path / "whole")
    check_whole(tmp_path / "whole", expected)
    for case in range(campaign.count(*KINDS[kind])):
        rng = campaign.generator(1000 * list(KINDS).index(kind) + case)
        place = tmp_path / f"case{case}"
        for again in range(1 + (rng.random() < 0.25 or not campaign.full)):
            kill(jobs, kind, place, whole, rng, again=again > 0)
        ended = jobs.run(kind, place)
        assert ended.status == 0, f"case {case}: {ended.said}"
        found = content(place)
        differing = {
            name
            for name in found.keys() | expected.keys()
            if found.get(name) != expected.get(name)
        }
        assert differing == set(), f"case {case}"
        shutil.rmtree(place)


def check_whole(root: pathlib.Path, found: dict[str, bytes]) -> None:
    """Asserts that a job never killed has left what the others are compared by."""
    tickets = [name for name in found if name.endswith("ticket/manifest.json")]
    assert len(tickets) >= 4
    lines = (root / "results.jsonl").read_text().splitlines()
    results = [path for path in found if path.endswith("result.json")]
    stored = [json.loads((root / path).read_text()) for path in results]
    assert sorted(map(json.loads, lines), key=str) == sorted(stored, key=str)


def kill(
    jobs: Jobs,
    kind: str,
    place: pathlib.Path,
    whole: Ended,
    rng: np.random.Generator,
    again: bool,
) -> None:
    """Starts a job and kills it, or one of its workers, at random."""
    assert whole.acts is not None
    workers = kind.endswith("_workers")
    if not workers and rng.random() < 0.5:
        # One that goes on has less to do; near its end it may have nothing.
        last = whole.acts // 4 if again else whole.acts
        ended = jobs.run(kind, place, act=int(rng.integers(1, last + 1)))
        assert again or ended.status == -9, ended.said
        return
    whom = str(rng.choice(["job", "worker", "all"])) if workers else "job"
    span = whole.seconds - whole.first
    while True:
        delay = whole.first + rng.random() * span
        ended = jobs.run(kind, place, delay=delay, whom=whom)
        # A job tells of a worker that was killed, and ends by itself.
        if ended.status == (1 if whom == "worker" else -9):
            return
        assert ended.status == 0, ended.said
        if again:
            return
        # It was faster than the first: it has to be killed sooner.
        shutil.rmtree(place)
        span *= 0.8
