"""What setup.py tells setuptools, without building anything."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterable
from typing import Any

import pytest
import setuptools

from tests.support.places import ROOT


def setup_arguments(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments of the `setup` call, as found from the project's root."""
    found: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", lambda **given: found.update(given))
    runpy.run_path(str(ROOT / "setup.py"))
    return found


def names(requirements: Iterable[str]) -> set[str]:
    """The names in requirements, as pip compares them: tf_keras>=2 is tf-keras."""
    found = (re.match(r"[A-Za-z0-9][\w.-]*", line) for line in requirements)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}
