"""Which files of the project a source imports, read from its text; nothing is run."""

from __future__ import annotations

import ast
import pathlib
import sys
from collections.abc import Iterator

DIRECTORIES = ("lth_keras", "examples", "benchmarks", "tools", "tests")
# Benchmarks import the files beside them by bare name, as Python finds them there.
BARE = ("benchmarks", "benchmarks/peers")
# Where pip's name for a package is not its import name.
PIP_NAMES = {
    "absl": "absl-py",
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
}


def sources(root: pathlib.Path) -> list[str]:
    """Every Python source that needs a target, as sorted paths below `root`."""
    found = (path for name in DIRECTORIES for path in (root / name).rglob("*.py"))
    return sorted(path.relative_to(root).as_posix() for path in found)


def statements(path: pathlib.Path) -> Iterator[tuple[str, str | None]]:
    """What a source imports, wherever in the file: (module, a name of it or None).

    `importlib.import_module` counts where its argument is written out.

    Raises:
        ValueError: an import is relative.
    """
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno}: write the import in full")
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_module(node.func):
            yield from ((text, None) for text in map(_text, node.args) if text)


def imported_names(path: pathlib.Path) -> set[str]:
    """The same as dotted names: `from a import b` is `a.b`."""
    return {f"{module}.{name}" if name else module for module, name in statements(path)}


class Imports:
    """The imports of every source below a root.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.sources = sources(root)
        self._known = frozenset(self.sources)
        packages = (s for s in self.sources if s.endswith("/__init__.py"))
        self._handed_on = {s: _handed_on(root, s) for s in packages}

    def of(self, source: str) -> tuple[set[str], set[str]]:
        """What `source` imports: (sources of the project, pip's names of others)."""
        ours, others = set(), set()
        places = ["", *(f"{name}/" for name in BARE if source.startswith(f"{name}/"))]
        for module, name in statements(self.root / source):
            found = (self._source(place, module, name) for place in places)
            if file := next(filter(None, found), None):
                ours.add(file)
            elif (top := module.partition(".")[0]) not in sys.stdlib_module_names:
                others.add(PIP_NAMES.get(top, top.replace("_", "-")))
        return ours - {source}, others

    def graph(self, folder: str) -> dict[str, set[str]]:
        """The sources below a folder, each with those it imports from anywhere."""
        return {s: self.of(s)[0] for s in self.sources if s.startswith(f"{folder}/")}

    def _source(self, place: str, module: str, name: str | None) -> str | None:
        """The source that `from module import name` means; None where there is none."""
        parts = module.split(".")
        package = self._file(place, parts)
        below = self._file(place, [*parts, name]) if name else None
        # What a package's __init__ binds comes before its module of the same name.
        if below and name not in self._handed_on.get(str(package), ()):
            return below
        prefixes = (parts[:length] for length in range(len(parts), 0, -1))
        return next(filter(None, (self._file(place, p) for p in prefixes)), None)

    def _file(self, place: str, parts: list[str]) -> str | None:
        stem = place + "/".join(parts)
        ends = (".py", "/__init__.py")
        return next((stem + end for end in ends if stem + end in self._known), None)


def _handed_on(root: pathlib.Path, package: str) -> frozenset[str]:
    """Names that a package's `__init__` binds to something else than its modules."""
    dotted = package.removesuffix("/__init__.py").replace("/", ".")
    names = set()
    for node in _parsed(root / package).body:
        if isinstance(node, ast.ImportFrom) and node.module != dotted:
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return frozenset(names)


def _parsed(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _is_import_module(called: ast.expr) -> bool:
    return ast.unparse(called) in ("import_module", "importlib.import_module")


def _text(argument: ast.expr) -> str | None:
    value = argument.value if isinstance(argument, ast.Constant) else None
    return value if isinstance(value, str) else None
