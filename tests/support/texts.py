"""Files of text, written below a test's folder."""

from __future__ import annotations

import pathlib


def write(root: pathlib.Path, files: dict[str, str]) -> None:
    """Writes each text to its path below `root`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
