"""The export program: which level it takes, what it writes, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.programs import export_flags, exporting, stored_options
from lth_keras.runs import layout, trained
from tests.support import export_jobs
from tests.support.export_jobs import SCRIPT, refused, start

# Fixtures.
job, stored = export_jobs.job, export_jobs.stored


def forward(weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
    """LeNet-300-100 by hand."""
    hidden = images.reshape(len(images), -1)
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        hidden = np.maximum(hidden @ kernel + bias, 0)
    return hidden @ weights[-2] + weights[-1]


# Which weights.


def test_the_model_has_the_weights_that_the_level_ended_with(stored) -> None:
    directory = layout.ExperimentDirectory(str(stored))
    options = stored_options.options_of(directory)
    model = exporting.trained_model(directory, options, 0, 1)
    wanted = list(trained.read(directory.trial(0).level(1)).values())
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(model(images), forward(wanted, images), atol=1e-5)
    kernels = [w for w in model.get_weights() if w.ndim == 2]
    # 0.4 of the weights are left, in the output layer 0.7.
    assert [np.count_nonzero(w) for w in kernels] == [7_680, 12_000, 700]
    assert not any("prun" in type(layer).__name__.lower() for layer in model.layers)


# What it writes.


@pytest.mark.slow
def test_the_export_is_verified_small_and_holds_the_trained_weights(
    job, capsys
) -> None:
    assert start(job, "--level=2") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("level 2 of 2, as asked for: P_m 16.7 %, test accuracy")
    assert "exported: trial 0, the ticket's trained weights" in printed
    assert "verified    in a fresh process by tf.saved_model.load" in printed
    assert sorted(os.listdir(job / "export")) == ["export.json", "lenet"]
    assert sorted(os.listdir(job / "export" / "lenet")) == ["1"]
    place = layout.ExperimentDirectory(str(job)).trial(0).level(2)
    weights = list(trained.read(place).values())
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    loaded = tf.saved_model.load(str(job / "export" / "lenet" / "1"))
    found = loaded.signatures["serving_default"](image=tf.constant(images))["output"]
    np.testing.assert_allclose(found, forward(weights, images), atol=1e-5)
    index = json.loads((job / "export" / "export.json").read_text())
    assert (index["trial"], index["level"], index["selected"]) == (0, 2, "level")
    (report,) = index["exports"]
    assert report["path"] == str(job / "export" / "lenet" / "1")
    assert report["bytes"] < 0.6 * report["dense_bytes"]


@pytest.mark.slow
def test_every_format_is_exported_at_once_and_printed_for_machines(job, capfd) -> None:
    formats = "--format=saved_model,tflite,keras"
    output = job / "elsewhere"
    arguments = ["--quantize=int8", "--values_dtype=float16", "--output_format=json"]
    assert start(job, formats, f"--output={output}", *arguments) == 0
    (line,) = capfd.readouterr().out.splitlines()
    value = json.loads(line)
    assert [item["format"] for item in value["exports"]] == [
        "saved_model",
        "tflite",
        "keras",
    ]
    for item in value["exports"]:
        assert item["found"] is not None and os.path.exists(item["path"])
    assert value == json.loads((output / "export.json").read_text())
    model = keras.models.load_model(output / "lenet.keras")
    assert model.input_shape == (None, 8, 8, 1)


@pytest.mark.slow
def test_the_program_runs_by_itself_and_says_what_is_wrong_in_one_line(job) -> None:
    def run(*arguments: Any) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, str(SCRIPT), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run(job)
    assert (done.returncode, done.stderr) == (0, "")
    again = run(job)
    assert again.returncode == 1
    (line,) = again.stderr.splitlines()
    assert "pass --overwrite to replace it" in line
    assert run(job, "--overwrite").returncode == 0


@pytest.mark.slow
def test_the_line_at_the_end_of_a_demo_has_both_sizes(job) -> None:
    for _ in range(2):
        line = exporting.one_line(str(job))
    report = json.loads((job / "export" / "export.json").read_text())["exports"][0]
    assert f"{report['bytes']:,} bytes packed" in line
    assert f"dense {report['dense_bytes']:,};" in line
    assert "\n" not in line


@pytest.mark.slow
def test_sigterm_removes_what_is_unfinished_and_leaves_no_process(job, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    # What stands in the place of the verifying process's Python says that it is there,
    # and waits to be ended.
    slow = tmp_path / "python"
    slow.write_text(
        "#!/bin/sh\n"
        f"echo $$ > '{tmp_path}/pid.new'\n"
        f"mv '{tmp_path}/pid.new' '{tmp_path}/pid'\n"
        "exec sleep 600\n"
    )
    slow.chmod(0o755)
    arguments = [str(SCRIPT), str(job), f"--output={tmp_path}/new/out"]
    start = (
        "import runpy, sys\n"
        f"sys.executable, sys.argv = {str(slow)!r}, {arguments!r}\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", start],
        env={
            **os.environ,
            "PYTHONPATH": str(SCRIPT.parents[1]),
            "TMPDIR": str(folder),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    while program.poll() is None and not (tmp_path / "pid").exists():
        time.sleep(0.1)
    program.terminate()
    _, printed = program.communicate()
    (line,) = printed.splitlines()
    assert "export_ticket.py: stopped; the search is untouched, again: " in line
    assert program.returncode == 143
    assert not (tmp_path / "new").exists()
    assert os.listdir(folder) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# What it refuses.


def test_a_wrong_flag_is_one_line_with_exit_code_2(capsys) -> None:
    for arguments, message in (
        ([], "RUN_DIR is missing"),
        (["a", "b"], "'b' is no flag"),
        (["a", "--level=-1"], "--level=-1: use a whole number, 0 to 10000, or auto"),
        (["a", "--level=best"], "--level=best: use a whole number"),
        (["a", "--trial=x"], "--trial=x: use a whole number, 0 or more"),
        (["a", "--tolerance=-1"], "--tolerance=-1: use percentage points, 0 to 100"),
        (["a", "--format=onnx"], "--format=onnx: use one or more of saved_model"),
        (["a", "--values_dtype=int8"], "--values_dtype=int8: use one of float32"),
        (["a", "--quantize=int4"], "--quantize=int4: use one of none, float16, int8"),
        (["a", "--quantize=int8"], "--quantize=int8 is for --format=tflite"),
        (
            ["a", "--values_dtype=float16", "--format=keras"],
            "--values_dtype=float16 is for --format=saved_model, not keras",
        ),
        (["a", "--overwrite=maybe"], "--overwrite=maybe: use true or false (--help"),
        (["a", "--ouput=b"], "--ouput is unknown: did you mean --output?"),
    ):
        assert message in refused(capsys, *arguments, code=2)


def test_help_shows_every_flag(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        start("--help")
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    for field in export_flags.Request.__dataclass_fields__:
        if field != "run_dir":
            assert f"--{field}" in printed


def test_a_directory_of_something_else_is_refused(tmp_path, capsys) -> None:
    assert "is no --output_dir of lottery_search.py" in refused(
        capsys, tmp_path / "nothing"
    )
    (tmp_path / "settings.json").write_text('{"flags": {"epochs": 3}}')
    assert "is of another version of this program" in refused(capsys, tmp_path)
    (tmp_path / "settings.json").write_text("[]")
    assert "is not of a lottery search" in refused(capsys, tmp_path)
    assert os.listdir(tmp_path) == ["settings.json"]


def test_an_export_that_is_refused_leaves_no_new_parents(job, capsys) -> None:
    path = job / "trial0" / "level01" / "trained" / "weights.npz"
    path.write_bytes(path.read_bytes()[:1000])
    refused(capsys, job, "--level=1", f"--output={job}/new/deep/out")
    assert not (job / "new").exists()


def test_damaged_weights_are_refused(job, capsys) -> None:
    path = job / "trial0" / "level01" / "trained" / "weights.npz"
    path.write_bytes(path.read_bytes()[:1000])
    assert "weights.npz" in refused(capsys, job, "--level=1")
    assert not (job / "export").exists()


def test_int8_needs_the_images_of_the_search(job, capsys) -> None:
    stored = json.loads((job / "settings.json").read_text())
    stored["flags"]["dataset"] = "no_such_images"
    (job / "settings.json").write_text(json.dumps(stored))
    line = refused(capsys, job, "--format=tflite", "--quantize=int8")
    assert "--dataset='no_such_images'" in line
    assert not (job / "export").exists()
