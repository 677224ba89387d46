"""The notebooks: what they hold has been run, and runs today."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable

import pytest

from tests.support.places import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# What keeps a notebook small: the constants that it has for that.
SMALL = {"LEVELS": 2, "EPOCHS": 1, "TRIALS": 1}


def cells(path: pathlib.Path, kind: str = "code") -> list[dict]:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["nbformat"] == 4
    return [cell for cell in found["cells"] if cell["cell_type"] == kind]


def shown(path: pathlib.Path) -> str:
    """All text that the stored outputs of a notebook show."""
    texts = []
    for cell in cells(path):
        for output in cell["outputs"]:
            data = output.get("data", {})
            for text in (output.get("text"), data.get("text/html")):
                texts.append("".join(text or ""))
            texts.append("<png>" if "image/png" in data else "")
    return "".join(texts)


def test_there_are_three() -> None:
    assert [path.stem[0] for path in NOTEBOOKS] == ["1", "2", "3"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_was_run_in_order_and_none_failed(path: pathlib.Path) -> None:
    counts = [cell["execution_count"] for cell in cells(path)]
    assert counts == list(range(1, len(counts) + 1))
    kinds = {out["output_type"] for cell in cells(path) for out in cell["outputs"]}
    assert kinds and "error" not in kinds
    # Nothing of the machine that ran it.
    assert not re.search(r"/(?:home|root|tmp|Users)/\w", shown(path))


def test_what_they_show_is_a_table_bytes_and_a_figure() -> None:
    find, ship, figure = map(shown, NOTEBOOKS)
    assert "<table>" in find and "random_reinit" in find
    assert "bytes" in ship and "test accuracy" in ship
    assert "<png>" in figure and "P_m" in figure


def run_notebook(path: str) -> None:
    """Executes the code cells from top to bottom, with small constants."""
    names: dict = {"__name__": "__main__"}
    replaced = set()
    for cell in cells(pathlib.Path(path)):
        text = "".join(cell["source"])
        for line in re.findall(r"^[A-Z, ]+ = [\d, ]+$", text, re.MULTILINE):
            constants = line.partition(" = ")[0]
            values = [str(SMALL[name]) for name in constants.split(", ")]
            text = text.replace(line, f"{constants} = {', '.join(values)}")
            replaced.add(constants)
        exec(compile(text, path, "exec"), names)
    assert replaced


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(
    path: pathlib.Path, in_own_process: Callable[..., str]
) -> None:
    in_own_process(
        "import matplotlib\nmatplotlib.use('agg')\n"
        "from tests.house.notebooks_test import run_notebook\n"
        f"run_notebook({str(path)!r})\n",
        timeout=900,
    )
