"""Names that a package hands on, each from its file when it is first asked for.

    __getattr__ = lazy.names(__name__, {"wrap": "lth_keras.masking.wrapping"})

So that whoever needs one file of a room does not wait for what the others import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def names(
    package: str, homes: Mapping[str, str], modules: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """The `__getattr__` of a package.

    Args:
        package: its `__name__`.
        homes: the module that has each name.
        modules: what is handed on whole: the module that is each name.
    """
    whole = dict(modules or {})

    def find(name: str) -> Any:
        if name in whole:
            value: Any = importlib.import_module(whole[name])
        elif name in homes:
            value = getattr(importlib.import_module(homes[name]), name)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    return find
