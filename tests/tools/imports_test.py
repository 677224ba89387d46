"""What a source imports, found in its text: files of the project, packages of pip's."""

from __future__ import annotations

import pathlib

import pytest

from tests.support.texts import write
from tools.imports import Imports, imported_names


def imports(root: pathlib.Path, files: dict[str, str]) -> Imports:
    write(root, files)
    return Imports(root)


def test_imports_resolve_to_files_of_the_project(tmp_path: pathlib.Path) -> None:
    found = imports(
        tmp_path,
        {
            "lth_keras/__init__.py": "",
            "lth_keras/pruning/__init__.py": "",
            "lth_keras/pruning/masks.py": "",
            "lth_keras/pruning/rates.py": (
                "import os\nfrom lth_keras.pruning import masks\n"
            ),
            "examples/run.py": (
                "import lth_keras as lth\nfrom absl import app\n"
                "def f():\n    from lth_keras.pruning.masks import density\n"
                "    import sklearn\n"
            ),
        },
    )
    masks = "lth_keras/pruning/masks.py"
    assert found.of("lth_keras/pruning/rates.py") == ({masks}, set())
    assert found.of("examples/run.py") == (
        {"lth_keras/__init__.py", masks},
        {"absl-py", "scikit-learn"},
    )


def test_benchmarks_alone_import_by_bare_name(tmp_path: pathlib.Path) -> None:
    text = "import paired\n"
    found = imports(
        tmp_path,
        {
            "benchmarks/paired.py": "",
            "benchmarks/speed.py": text,
            "examples/run.py": text,
        },
    )
    assert found.of("benchmarks/speed.py") == ({"benchmarks/paired.py"}, set())
    assert found.of("examples/run.py") == (set(), {"paired"})


@pytest.mark.parametrize(
    "inside, wanted",
    [
        ("", "criteria/__init__.py"),
        ("from lth_keras.pruning import criteria\n", "criteria/__init__.py"),
        ("from lth_keras.pruning.rates import criteria\n", "__init__.py"),
        ("def criteria():\n    pass\n", "__init__.py"),
        ("criteria = ()\n", "__init__.py"),
    ],
)
def test_a_name_is_the_module_unless_the_package_binds_another(
    tmp_path: pathlib.Path, inside: str, wanted: str
) -> None:
    found = imports(
        tmp_path,
        {
            "lth_keras/pruning/__init__.py": inside,
            "lth_keras/pruning/criteria/__init__.py": "",
            "lth_keras/pruning/rates.py": "",
            "lth_keras/runs/rows.py": "from lth_keras.pruning import criteria\n",
        },
    )
    assert found.of("lth_keras/runs/rows.py")[0] == {f"lth_keras/pruning/{wanted}"}


def test_a_name_that_hides_a_module_does_not_hide_what_is_in_it(
    tmp_path: pathlib.Path,
) -> None:
    found = imports(
        tmp_path,
        {
            "lth_keras/small/__init__.py": (
                "from lth_keras.small.compact import compact\n"
            ),
            "lth_keras/small/compact.py": "",
            "lth_keras/rows.py": "from lth_keras.small.compact import other\n",
            "lth_keras/runs.py": "import lth_keras.small.compact\n",
        },
    )
    assert found.of("lth_keras/rows.py")[0] == {"lth_keras/small/compact.py"}
    assert found.of("lth_keras/runs.py")[0] == {"lth_keras/small/compact.py"}


def test_an_import_by_a_function_counts_where_its_name_is_written_out(
    tmp_path: pathlib.Path,
) -> None:
    found = imports(
        tmp_path,
        {
            "lth_keras/public.py": "",
            "lth_keras/late.py": (
                "import importlib\nname = 'lth_keras.nothing'\n"
                "importlib.import_module('lth_keras.public')\n"
                "importlib.import_module(name)\n"
            ),
        },
    )
    assert found.of("lth_keras/late.py") == ({"lth_keras/public.py"}, set())


def test_relative_imports_are_refused(tmp_path: pathlib.Path) -> None:
    write(tmp_path, {"lth_keras/masks.py": "import os\nfrom . import rates\n"})
    with pytest.raises(ValueError, match=r"masks.py:2: write the import in full"):
        imported_names(tmp_path / "lth_keras" / "masks.py")
