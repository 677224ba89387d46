"""The commands of docs/serving.md, run in the order in which they stand there."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from lth_keras.programs import command_line, export_flags, lottery_search
from tests.support.places import ROOT


def blocks() -> list[tuple[str, str]]:
    """The language and the text of each fenced block."""
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


def test_what_is_not_run_is_marked() -> None:
    assert [language for language, _ in blocks()] == [
        "sh",
        "python",
        "python",
        "python",
        "sh",
        "text",
        "python",
    ]
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    before = text.partition("```text")[0]
    assert "*Not run here*" in before.rpartition("## ")[2]


def test_every_flag_that_is_named_is_one_of_the_program() -> None:
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    section = text.partition("## From a search")[2].partition("\n## ")[0]
    named = set(re.findall(r"--(\w+)", section))
    assert named and named <= set(export_flags.define())


@pytest.mark.slow
def test_the_commands_work(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    search = ["lottery_search.py", "--levels=2", "--iterations=20", "--controls=none"]
    command_line.run(lottery_search.main, search)
    names: dict = {}
    # The programs of the environment that the tests run in.
    folder = pathlib.Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("TF_USE_LEGACY_KERAS", None)
    printed = ""
    for language, text in blocks():
        if language == "python":
            exec(compile(text, "docs/serving.md", "exec"), names)
        elif language == "sh":
            done = subprocess.run(
                ["sh", "-ec", text],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            printed += done.stdout
    written = pathlib.Path("runs/digits_lenet/export")
    assert sorted(item.name for item in written.iterdir()) == [
        "export.json",
        "lenet",
        "lenet.keras",
        "lenet.tflite",
    ]
    assert "within 0.1 points of dense" in printed
    assert "inputs['hidden_input']" in printed
    assert "Result for output key logits" in printed
    assert pathlib.Path("lenet.keras").is_file()
    wanted = names["model"](np.zeros((1, 784), np.float32)).numpy()
    np.testing.assert_allclose(names["logits"], wanted, atol=1e-5)
