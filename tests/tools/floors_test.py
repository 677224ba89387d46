"""The rooms of the library: who stands on whom, and what none of them may do."""

from __future__ import annotations

import ast

import pytest

from tests.support.places import ROOT
from tools import floors
from tools.imports import Imports, imported_names

PRIVATE = (
    "keras.src",
    "tensorflow.python",
    "tensorflow_model_optimization.python",
    "tf_keras.src",
)


@pytest.fixture(scope="module")
def imports() -> Imports:
    return Imports(ROOT)


@pytest.fixture(scope="module")
def graph(imports: Imports) -> dict[str, set[str]]:
    return imports.graph("lth_keras")


def test_every_room_stands_in_the_table_once(graph: dict[str, set[str]]) -> None:
    named = " ".join(floors.FLOORS).split()
    assert len(named) == len(set(named))
    assert {floors.room(source) for source in graph} <= set(named)


def test_rooms_import_from_lower_floors_only(graph: dict[str, set[str]]) -> None:
    assert floors.upward(graph) == []


def test_the_files_of_a_room_do_not_import_in_circles(
    graph: dict[str, set[str]],
) -> None:
    assert floors.circles(graph) == []


def test_only_the_programs_know_the_papers_networks_and_data(
    graph: dict[str, set[str]],
) -> None:
    assert floors.not_for_all(graph) == []


def test_rooms_import_no_more_packages_than_the_table_allows(imports: Imports) -> None:
    for source in imports.graph("lth_keras"):
        allowed = floors.PIP_ALLOWED.get(str(floors.room(source)))
        assert allowed is None or imports.of(source)[1] <= allowed, source


def test_what_runs_alone_imports_nothing_of_ours(graph: dict[str, set[str]]) -> None:
    for source in floors.ALONE:
        assert graph[source] == set()


def test_examples_know_the_programs_alone(imports: Imports) -> None:
    for source, found in imports.graph("examples").items():
        assert {floors.room(other) for other in found} <= {"programs"}, source


def test_private_host_names_stand_in_compat_alone(imports: Imports) -> None:
    offenders = [
        f"{source}: {name}"
        for source in imports.sources
        for name in imported_names(ROOT / source)
        if name.startswith(PRIVATE) and floors.room(source) != "compat"
    ]
    assert offenders == []


def test_every_folder_says_what_it_is_for(imports: Imports) -> None:
    folders = {source.rpartition("/")[0] for source in imports.graph("lth_keras")}
    for folder in sorted(folders):
        text = (ROOT / folder / "__init__.py").read_text(encoding="utf-8")
        first, _, more = (ast.get_docstring(ast.parse(text)) or "").partition("\n")
        assert len(first.split()) >= 5 and first[-1] in ".?", folder
        assert more.strip(), f"{folder}: say in three lines what the folder is for"


def test_an_import_that_does_not_go_down_is_named() -> None:
    graph = {
        "lth_keras/masking/acts.py": {
            "lth_keras/pruning/criteria/registry.py",
            "lth_keras/masking/weights.py",
            "lth_keras/runs/rows.py",
        },
        "lth_keras/storage/files.py": {"lth_keras/compat/hosts.py"},
        "lth_keras/tickets/ticket.py": {"lth_keras/__init__.py"},
    }
    top = len(floors.FLOORS)
    assert floors.upward(graph) == [
        "lth_keras/masking/acts.py (floor 5) -> lth_keras/runs/rows.py (floor 7)",
        "lth_keras/storage/files.py (floor 3) -> lth_keras/compat/hosts.py (floor 3)",
        f"lth_keras/tickets/ticket.py (floor 6) -> lth_keras/__init__.py (floor {top})",
    ]


def test_a_circle_is_named() -> None:
    names = [f"lth_keras/runs/{name}.py" for name in "abc"]
    graph = {names[0]: {names[1]}, names[1]: {names[2]}, names[2]: {names[1]}}
    (found,) = floors.circles(graph)
    assert sorted(found.split(" -> ")[:-1]) == names[1:]
    assert floors.circles({names[0]: {names[1]}, names[1]: set()}) == []


def test_who_else_imports_the_papers_is_named() -> None:
    graph = {
        "lth_keras/programs/building.py": {"lth_keras/papers/networks.py"},
        "lth_keras/papers/datasets.py": {"lth_keras/papers/augmentation.py"},
        "lth_keras/reporting/page.py": {"lth_keras/papers/settings.py"},
    }
    assert floors.not_for_all(graph) == [
        "lth_keras/reporting/page.py -> lth_keras/papers/settings.py"
    ]


def test_a_room_without_a_floor_is_refused() -> None:
    with pytest.raises(ValueError, match="attic has no place in FLOORS"):
        floors.floor("lth_keras/attic/boxes.py")
    assert floors.floor("examples/lottery_search.py") is None
