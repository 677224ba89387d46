"""The commands of docs/serving.md, run in the order in which they stand there."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from lth_keras import export

# Exports are reloaded in processes of their own, which takes its time.
pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).absolute().parents[1]


def blocks() -> list[tuple[str, str]]:
    """The language and the text of each fenced block."""
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


def test_what_is_not_run_is_marked() -> None:
    assert [language for language, _ in blocks()] == [
        "python",
        "python",
        "sh",
        "text",
        "python",
    ]
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    before = text.partition("```text")[0]
    assert "*Not run here*" in before.rpartition("## ")[2]


@pytest.mark.slow
def test_the_commands_work(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    # The programs of the environment that the tests run in.
    folder = pathlib.Path(sys.executable).parent
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    environment.pop("TF_USE_LEGACY_KERAS", None)
    printed = ""
    for language, text in blocks():
        if "lenet.tflite" in text:
            # The file that the block reads, made without help of this package.
            export.export_saved_model(
                names["model"], "plain", packed=False, verify=False, verbose=False
            )
            converter = tf.lite.TFLiteConverter.from_saved_model("plain")
            pathlib.Path("lenet.tflite").write_bytes(converter.convert())
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
    assert "inputs['hidden_input']" in printed
    assert "Result for output key logits" in printed
    wanted = names["model"](np.zeros((1, 784), np.float32)).numpy()
    np.testing.assert_allclose(names["logits"], wanted, atol=1e-5)
