"""The public names of the package, read from its text; nothing is imported.

A name of the facade that is a room (`lth.controls`) stands for the names of that room.
"""

from __future__ import annotations

import ast
import pathlib

# Where the names of a room stand that the facade hands on as a whole.
ROOMS = {
    "analysis": "lth_keras/analysis/__init__.py",
    "budgets": "lth_keras/pruning/budgets.py",
    "controls": "lth_keras/controls/__init__.py",
    "criteria": "lth_keras/pruning/criteria/__init__.py",
    "engines": "lth_keras/experiments/engines/__init__.py",
    "hub": "lth_keras/hub/__init__.py",
    "keras3": "lth_keras/training/keras3.py",
    "methods": "lth_keras/methods/__init__.py",
    "recipes": "lth_keras/pruning/recipes.py",
}


def public_names(root: pathlib.Path) -> list[str]:
    """Every public name as a reader writes it behind `lth.`: "wrap", "controls.run".

    Args:
        root: the project's folder.

    Raises:
        ValueError: the facade hands on a room whose file is not in ROOMS.
    """
    found: list[str] = []
    for name in _all(root / "lth_keras" / "__init__.py"):
        if name == "__version__":
            continue
        if name in ROOMS:
            found += [f"{name}.{below}" for below in _all(root / ROOMS[name])]
        elif (root / "lth_keras" / name).exists():
            raise ValueError(f"lth.{name} is a room: name its file in ROOMS")
        else:
            found.append(name)
    return found


def _all(path: pathlib.Path) -> list[str]:
    """`__all__` of a file; without one, its classes and functions without _."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    defined = [n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    return [node.name for node in defined if not node.name.startswith("_")]
