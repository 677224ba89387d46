"""The benchmarks still ask the library for what it has."""

from __future__ import annotations

import importlib
import importlib.util
import pathlib

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
