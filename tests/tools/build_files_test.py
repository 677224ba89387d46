"""BUILD against the sources, without Bazel: targets, deps, floors, private names."""

from __future__ import annotations

import ast
import pathlib
import re
from typing import Any

import pytest

from tests.support.places import ROOT
from tools import update_build

PROGRAMS_AND_TESTS_ONLY = {
    "lth_keras/augmentation",
    "lth_keras/datasets",
    "lth_keras/learning_rates",
    "lth_keras/models",
}
PRIVATE = (
    "keras.src",
    "tensorflow.python",
    "tensorflow_model_optimization.python",
    "tf_keras.src",
)


@pytest.fixture(scope="module")
def targets() -> dict[str, dict[str, Any]]:
    """The py_* targets of BUILD by name: their attributes, and the rule's name."""
    found: dict[str, dict[str, Any]] = {}
    for statement in ast.parse((ROOT / "BUILD").read_text(encoding="utf-8")).body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(call, ast.Call) or not ast.unparse(call).startswith("py_"):
            continue
        target: dict[str, Any] = {"rule": ast.unparse(call.func)}
        for word in call.keywords:
            target[str(word.arg)] = ast.literal_eval(word.value)
        assert target["name"] not in found
        found[target["name"]] = target
    return found


def floors(targets: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {
        name: int(tag.removeprefix("floor="))
        for name, target in targets.items()
        for tag in target.get("tags", [])
        if tag.startswith("floor=")
    }


def write(root: pathlib.Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def test_build_is_what_the_imports_say() -> None:
    written = (ROOT / "BUILD").read_text(encoding="utf-8")
    assert written == update_build.render(ROOT), "run python tools/update_build.py"


def test_every_source_has_exactly_one_target(
    targets: dict[str, dict[str, Any]],
) -> None:
    own = [target["srcs"][0] for target in targets.values()]
    assert sorted(own) == update_build.sources(ROOT)


def test_only_tests_have_a_second_source_the_runner(
    targets: dict[str, dict[str, Any]],
) -> None:
    for target in targets.values():
        runner = ["tools/run_pytest.py"] if target["rule"] == "py_test" else []
        assert target["srcs"][1:] == runner


def test_every_dep_is_a_target(targets: dict[str, dict[str, Any]]) -> None:
    for target in targets.values():
        assert {dep.removeprefix(":") for dep in target.get("deps", [])} <= set(targets)


def test_every_module_of_the_library_has_a_floor(
    targets: dict[str, dict[str, Any]],
) -> None:
    library = {n for n in targets if n == "lth_keras" or n.startswith("lth_keras/")}
    assert set(floors(targets)) == library


def test_the_table_of_floors_names_existing_modules_once() -> None:
    named = " ".join(update_build.FLOORS).split()
    assert sorted(named) == sorted(p.stem for p in (ROOT / "lth_keras").glob("*.py"))


def test_the_library_imports_from_lower_floors_only(
    targets: dict[str, dict[str, Any]],
) -> None:
    floor = floors(targets)
    upward = [
        f"{name} (floor {number}) -> {dep}"
        for name, number in floor.items()
        for dep in (dep.removeprefix(":") for dep in targets[name].get("deps", []))
        if dep not in floor or floor[dep] >= number
    ]
    assert not upward


def test_the_library_imports_neither_data_sets_nor_the_papers_networks(
    targets: dict[str, dict[str, Any]],
) -> None:
    for name in set(floors(targets)) - PROGRAMS_AND_TESTS_ONLY:
        deps = {dep.removeprefix(":") for dep in targets[name].get("deps", [])}
        assert not deps & PROGRAMS_AND_TESTS_ONLY


def test_setup_py_asks_for_what_the_library_imports(
    targets: dict[str, dict[str, Any]],
) -> None:
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    names = re.findall(r'"([A-Za-z][\w-]*)[^"\n]*"', text)
    asked = {name.lower().replace("_", "-") for name in names}
    for target in targets.values():
        pip = {tag[4:] for tag in target.get("tags", []) if tag.startswith("pip=")}
        assert pip <= asked, target["name"]


def test_private_host_names_stand_in_compat_alone() -> None:
    offenders = []
    for source in update_build.sources(ROOT):
        for name in update_build.imported_names(ROOT / source):
            if name.startswith(PRIVATE) and source != "lth_keras/compat.py":
                offenders.append(f"{source}: {name}")
    assert not offenders


def test_imports_resolve_to_modules_of_the_project(tmp_path: pathlib.Path) -> None:
    write(
        tmp_path,
        {
            "lth_keras/__init__.py": "",
            "lth_keras/masks.py": "",
            "lth_keras/ticket.py": "import os\nfrom lth_keras import masks\n",
            "examples/shared.py": "",
            "examples/run.py": (
                "import shared\nimport lth_keras as lth\nfrom absl import app\n"
                "def f():\n    from lth_keras.masks import density\n"
                "    import sklearn\n"
            ),
        },
    )
    assert update_build.imports(tmp_path, "lth_keras/ticket.py") == (
        {"lth_keras/masks.py"},
        set(),
    )
    assert update_build.imports(tmp_path, "examples/run.py") == (
        {"examples/shared.py", "lth_keras/__init__.py", "lth_keras/masks.py"},
        {"absl-py", "scikit-learn"},
    )


def test_a_module_without_a_floor_is_refused() -> None:
    with pytest.raises(ValueError, match="lth_keras/attic.py has no place in FLOORS"):
        update_build.floor("lth_keras/attic.py")
