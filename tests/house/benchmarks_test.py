"""The benchmarks still ask the library for what it has."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

from tests.support.places import ROOT
from tools.imports import statements

PROGRAMS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_name_that_is_imported_is_there(path: pathlib.Path) -> None:
    for module, name in statements(path):
        if not module.startswith("lth_keras"):
            continue
        found = importlib.import_module(module)
        inside = name is not None and not hasattr(found, name)
        assert not inside or importlib.util.find_spec(f"{module}.{name}"), name


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_the_boundary_of_a_size_meets_each_of_its_parts(scope: str) -> None:
    program = ROOT / "benchmarks" / "boundary_of_size.py"
    done = subprocess.run(
        [sys.executable, program, "--millions=0.1", f"--scope={scope}"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["weights"] == pytest.approx(1e5, rel=0.1)
    assert min(found["parts"].values()) > 0
