"""The notebooks of the documents run, cell by cell, with fewer and shorter levels."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support import native_processes
from tests.support.places import ROOT

VIT = ROOT / "docs" / "notebooks" / "vit_on_jax.ipynb"
SMALLER = {
    "levels=5": "levels=1",
    "epochs=10": "epochs=3",
    "levels=[3, 5]": "levels=[1]",
    "tolerance=2.0": "tolerance=100.0",
}


def cells(kind: str) -> list[str]:
    found = json.loads(VIT.read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in found if c["cell_type"] == kind]


def test_the_notebook_shows_a_table_and_a_figure() -> None:
    outputs = [
        output
        for cell in json.loads(VIT.read_text(encoding="utf-8"))["cells"]
        for output in cell.get("outputs", ())
    ]
    shown = {kind for output in outputs for kind in output.get("data", ())}
    assert {"text/html", "image/png"} <= shown
    assert not any(output["output_type"] == "error" for output in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [native_processes.on("jax")])
def test_the_cells_of_the_notebook_run_one_after_the_other(backend, tmp_path) -> None:
    lines = [line for cell in cells("code") for line in cell.splitlines()]
    # Commands of the notebook itself: what is installed, and the variable below.
    program = "\n".join(line for line in lines if not line.startswith("%"))
    for whole, less in SMALLER.items():
        assert whole in program, whole
        program = program.replace(whole, less)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**native_processes.environment(backend), "MPLBACKEND": "Agg"},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert (tmp_path / "vit_sparse.keras").exists()
    assert (tmp_path / "vit_ticket" / "manifest.json").exists()
