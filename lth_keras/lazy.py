"""Names that a package hands on, each from its file when it is first asked for.

    __getattr__ = lazy.names(__name__, {"wrap": "lth_keras.masking.wrapping"})

So that whoever needs one file of a room does not wait for what the others import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package.

    Args:
        package: its `__name__`.
        homes: the module of each name; of one that is handed on whole, its own, whose
            last part is the name and which has nothing of that name itself.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(homes[name])
        whole = homes[name].rpartition(".")[2] == name
        value = getattr(module, name, module) if whole else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return find
