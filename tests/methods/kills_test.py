"""A method's run that was killed by SIGKILL, and started again, ends the same."""

from __future__ import annotations

import pathlib
import shutil

import pytest

from tests.campaigns.kills_test import content
from tests.support.killing import Jobs


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["method", "method_phases"])
def test_a_killed_run_ends_as_one_never_killed(kind, tmp_path: pathlib.Path) -> None:
    with Jobs(tmp_path) as jobs:
        whole = jobs.run(kind, tmp_path / "whole")
        assert whole.status == 0 and whole.acts, whole.said
        expected = content(tmp_path / "whole")
        for part in (0.1, 0.5, 0.75, 0.99):
            place = tmp_path / "killed"
            killed = jobs.run(kind, place, act=max(1, round(part * whole.acts)))
            assert killed.status == -9, killed.said
            ended = jobs.run(kind, place)
            assert ended.status == 0, ended.said
            assert content(place) == expected, part
            shutil.rmtree(place)
