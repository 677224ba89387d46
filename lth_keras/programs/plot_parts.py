"""What the figures of a plotting request share: their searches, names and titles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lth_keras.runs.finished import RunFiles

Runs = Mapping[str, RunFiles]
Drawn = list[tuple[str, str, Any]]  # file name, caption, matplotlib figure


def titled(runs: Runs, name: str, text: str) -> str:
    """A title or a caption, which names the search where there are several."""
    return text if len(runs) == 1 or name == text else f"{name}: {text}"


def file_of(kind: str, runs: Runs, name: str) -> str:
    """A file for each search: its name may hold what no file name should."""
    if len(runs) == 1:
        return kind
    return f"{kind}{list(runs).index(name) + 1}"
