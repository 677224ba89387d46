"""The flagfiles run: two levels of two iterations, on data of the right shape.

What whole runs found is in docs/methods/: signs.md, freezing.md, untrained.md,
at_initialisation.md.
"""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.support import flagfile_runs
from tests.support.native_processes import every_backend, run_on
from tests.support.paper_flagfiles import EXPECTED
from tests.support.tiny_tfds import offline


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as monkeypatch:
        flagfile_runs.write_data(offline(monkeypatch), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_a_flagfile_runs(name, data_dir, tmp_path, monkeypatch):
    offline(monkeypatch)
    levels = flagfile_runs.last_level(name)
    found = flagfile_runs.run(name, data_dir, tmp_path / "run", levels)
    flagfile_runs.check(name, found, levels)


@pytest.mark.slow
@every_backend
def test_flagfiles_run_on_keras_3(backend, tmp_path):
    program = ("-m", "tests.support.flagfile_runs")
    wrong = json.loads(run_on(backend, *program, tmp_path, *EXPECTED).splitlines()[-1])
    assert wrong == dict.fromkeys(EXPECTED, "")
