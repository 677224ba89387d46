"""setup.py: it asks for what is imported, and its page on an index has no dead link."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
from typing import Any

import pytest

from lth_keras import version
from tests.support.places import ROOT
from tests.support.setup_arguments import names, setup_arguments
from tools import floors
from tools.imports import Imports

# Figures, data sets and TensorBoard are asked for when they are first wanted, and their
# absence is answered with the command that installs them.
BACKENDS = ("keras3-jax", "keras3-torch")  # Imported where a model is on that backend.
WITH_EXTRAS = {
    "compat": BACKENDS,
    "experiments": (*BACKENDS, "ray"),
    "hub": ("hub",),
    "masking": BACKENDS,
    "papers": ("examples",),
    "reporting": ("examples", "report"),
    "runs": ("dataframe",),
    "search": ("examples",),
    "training": BACKENDS,
}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return setup_arguments(monkeypatch)


@pytest.mark.slow
def test_the_library_imports_what_installing_it_brings(given: dict[str, Any]) -> None:
    imports = Imports(ROOT)
    required = names(given["install_requires"])
    for source in imports.graph("lth_keras"):
        extras = WITH_EXTRAS.get(str(floors.room(source)), ())
        allowed = {n for e in extras for n in names(given["extras_require"][e])}
        assert imports.of(source)[1] <= required | allowed, source


def test_tests_and_tools_import_what_their_extra_brings(given: dict[str, Any]) -> None:
    imports = Imports(ROOT)
    asked = names(given["install_requires"]) | names(given["extras_require"]["tests"])
    backends = names(
        line
        for backend in ("jax", "torch")
        for line in given["extras_require"][f"keras3-{backend}"]
    )
    for source in imports.sources:
        # What peers import comes with the environment that each has of its own.
        if floors.room(source) is None and not source.startswith("benchmarks/peers/"):
            native = source.startswith(
                ("tests/support/native_", "benchmarks/held_step.py")
            )
            clusters = source in (
                "tests/support/ray_jobs.py",
                "benchmarks/workers_speed.py",
            )
            allowed = asked | (backends if native else set())
            allowed |= names(given["extras_require"]["ray"]) if clusters else set()
            assert imports.of(source)[1] <= allowed, source


def test_everything_that_is_asked_for_is_pinned(given: dict[str, Any]) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = names(line for line in lines if not line.startswith("#"))
    for asked in [given["install_requires"], *given["extras_require"].values()]:
        assert names(asked) <= pinned


def test_a_commit_is_checked_by_the_ruff_that_make_lint_runs() -> None:
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r"^    rev: v(.+)$", hooks, re.MULTILINE)
    assert f"\nruff=={version}\n" in pinned


def test_the_commands_are_functions_of_the_programs(given: dict[str, Any]) -> None:
    lines = given["entry_points"]["console_scripts"]
    commands = dict(line.split(" = ") for line in lines)
    names = ("controls", "cost", "export", "plot", "search", "stability")
    assert sorted(commands) == [f"lth-{name}" for name in names]
    for place in commands.values():
        module, _, function = place.partition(":")
        text = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert f"\ndef {function}() -> int:\n" in text


def test_the_page_of_the_package_has_no_link_into_the_repository(
    given: dict[str, Any],
) -> None:
    page = given["long_description"]
    targets = re.findall(r"\]\(([^)]*)\)", page)
    assert targets and all(target.startswith("https://") for target in targets)
    assert "![" not in page
    # The words of what was a link stay, and so does all else.
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(results)" in page and "the guide, a tutorial" in page
    assert page.count("\n") == readme.count("\n")


def test_the_addresses_are_those_the_project_names_elsewhere(
    given: dict[str, Any],
) -> None:
    paths = [ROOT / "README.md", ROOT / "CITATION.cff", *(ROOT / "docs").glob("*.md")]
    known = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    for name, address in given["project_urls"].items():
        assert address in known or address.rpartition("/")[2] in known, name


def test_the_command_for_another_build_of_tensorflow_leaves_nothing_out(
    given: dict[str, Any],
) -> None:
    """Beside tensorflow-cpu and its like."""
    text = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if "--no-deps" in block]
    named = names(word for word in shlex.split(block) if not word.startswith("-"))
    wanted = names(given["install_requires"])
    for package in ("tf_keras", "tensorflow-model-optimization"):
        wanted |= _required(package)
    # Every build of TensorFlow asks for these itself.
    there = _required("tensorflow") | {"tensorflow"}
    assert wanted - there - named == set()
    # TensorFlow takes any absl-py, tfmot does not.
    assert "absl-py" in named


def _required(package: str) -> set[str]:
    lines = importlib.metadata.requires(package) or []
    return names(line for line in lines if "python_version" not in line)


def test_versions_name_whatever_build_of_tensorflow_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of(package: str) -> str:
        if package == "tensorflow":
            raise importlib.metadata.PackageNotFoundError(package)
        return {"tensorflow-cpu": "2.21.0"}.get(package, "1.0")

    monkeypatch.setattr(importlib.metadata, "version", of)
    monkeypatch.setattr(
        importlib.metadata,
        "packages_distributions",
        lambda: {"tensorflow": ["tensorflow-cpu"]},
    )
    assert version.versions()["tensorflow"] == "2.21.0"
