"""Where the project's own files stand."""

from __future__ import annotations

import pathlib

ROOT = pathlib.Path(__file__).absolute().parents[2]
EXAMPLES = ROOT / "examples"
FLAGFILES = EXAMPLES / "flags"
