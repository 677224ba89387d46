"""The BUILD files against the sources, without Bazel."""

from __future__ import annotations

import ast
import pathlib
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.texts import write
from tools import update_build
from tools.imports import Imports


@pytest.fixture(scope="module")
def imports() -> Imports:
    return Imports(ROOT)


@pytest.fixture(scope="module")
def targets(imports: Imports) -> dict[str, dict[str, Any]]:
    """Every target of every BUILD by its label: its attributes, and the rule's name."""
    found: dict[str, dict[str, Any]] = {}
    for folder in ["", *update_build.folders(imports)]:
        text = (ROOT / folder / "BUILD").read_text(encoding="utf-8")
        for statement in ast.parse(text).body:
            call = statement.value if isinstance(statement, ast.Expr) else None
            words = call.keywords if isinstance(call, ast.Call) else []
            target = {str(w.arg): _value(w.value) for w in words}
            if "name" not in target:
                continue
            assert isinstance(call, ast.Call)
            label = f"//{folder}:{target['name']}"
            assert label not in found
            found[label] = {**target, "rule": ast.unparse(call.func), "folder": folder}
    return found


def _value(node: ast.expr) -> Any:
    """A literal; what globs find is not looked for."""
    if isinstance(node, ast.BinOp):
        return ["*", *ast.literal_eval(node.right)]
    return ["*"] if isinstance(node, ast.Call) else ast.literal_eval(node)


def full(label: str, folder: str = "") -> str:
    """A label with its package and its name: //a/b is //a/b:b."""
    if label.startswith(":"):
        return f"//{folder}{label}"
    return label if ":" in label else f"{label}:{label.rpartition('/')[2]}"


def python(targets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {n: t for n, t in targets.items() if t["rule"].startswith("py_")}


def test_the_files_are_what_the_imports_say(imports: Imports) -> None:
    wanted = update_build.render(imports)
    for path, text in wanted.items():
        message = f"{path} is out of date: run python tools/update_build.py"
        assert (ROOT / path).is_file(), message
        assert (ROOT / path).read_text(encoding="utf-8") == text, message
    found = {p.relative_to(ROOT).as_posix() for p in ROOT.glob("*/**/BUILD")}
    ours = {p for p in found if p.split("/")[0] in update_build.DIRECTORIES}
    assert ours | {"BUILD"} == set(wanted)


def test_every_source_has_exactly_one_target(
    imports: Imports, targets: dict[str, dict[str, Any]]
) -> None:
    own = [f"{t['folder']}/{t['srcs'][0]}" for t in python(targets).values()]
    assert sorted(own) == imports.sources


def test_only_tests_have_a_second_source_the_runner(
    targets: dict[str, dict[str, Any]],
) -> None:
    for target in python(targets).values():
        runner = ["//tools:run_pytest.py"] if target["rule"] == "py_test" else []
        assert target["srcs"][1:] == runner


def test_every_dep_and_every_piece_of_data_is_there(
    targets: dict[str, dict[str, Any]],
) -> None:
    for target in targets.values():
        folder = target["folder"]
        assert {full(dep, folder) for dep in target.get("deps", [])} <= set(targets)
        for item in target.get("data", []):
            known = full(item, folder) in targets
            assert known or (ROOT / folder / item).is_file(), (folder, item)


def test_the_root_keeps_the_name_of_the_package(
    targets: dict[str, dict[str, Any]],
) -> None:
    assert targets["//:lth_keras"]["rule"] == "alias"
    assert full(targets["//:lth_keras"]["actual"]) == "//lth_keras:lth_keras"


@pytest.mark.parametrize(
    "source, label",
    [
        ("lth_keras/__init__.py", "//lth_keras"),
        ("lth_keras/errors.py", "//lth_keras:errors"),
        ("lth_keras/pruning/__init__.py", "//lth_keras/pruning"),
        ("lth_keras/pruning/masks.py", "//lth_keras/pruning:masks"),
        ("lth_keras/pruning/criteria/__init__.py", "//lth_keras/pruning/criteria"),
        ("lth_keras/search/search.py", "//lth_keras/search:search_module"),
    ],
)
def test_a_folder_goes_by_its_name_and_a_file_by_both(source: str, label: str) -> None:
    assert update_build.label(source) == label


def test_updating_writes_a_file_per_folder_and_removes_what_is_left_over(
    tmp_path: pathlib.Path,
) -> None:
    files = {
        "lth_keras/pruning/__init__.py": "from lth_keras.pruning.masks import f\n",
        "lth_keras/pruning/masks.py": "import numpy\n",
        "lth_keras/runs/rows.py": "from lth_keras.pruning import masks\n",
        "lth_keras/attic/BUILD": "",
        "other/BUILD": "",
    }
    write(tmp_path, files)
    update_build.update(tmp_path)
    assert sorted(
        p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("BUILD")
    ) == [
        "BUILD",
        "lth_keras/pruning/BUILD",
        "lth_keras/runs/BUILD",
        "other/BUILD",
    ]
    assert (
        'deps = [\n        ":masks",'
        in (tmp_path / "lth_keras/pruning/BUILD").read_text()
    )
    rows = (tmp_path / "lth_keras/runs/BUILD").read_text()
    assert 'deps = [\n        "//lth_keras/pruning:masks",' in rows
    assert 'tags = [\n        "floor=7",' in rows
