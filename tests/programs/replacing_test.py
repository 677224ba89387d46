"""What --overwrite replaces is an earlier export, and nothing of anybody else's."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest

from lth_keras.errors import LotteryError
from lth_keras.export import staging
from lth_keras.programs import replacing
from tests.support import export_jobs
from tests.support.export_jobs import refused

# Fixtures.
job, stored = export_jobs.job, export_jobs.stored


def below(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def earlier(output: pathlib.Path) -> None:
    """The names that an export of two formats leaves."""
    place = output / "lenet" / "1"
    for name in ("assets/a.txt", "variables/variables.index", "saved_model.pb"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("")
    (output / "lenet.keras").write_text("")
    # It may have been moved since.
    exports = [
        {"format": "saved_model", "path": "/elsewhere/out/lenet/1"},
        {"format": "keras", "path": "/elsewhere/out/lenet.keras"},
    ]
    value = {"run": "runs/a", "trial": 0, "level": 2, "exports": exports}
    (output / "export.json").write_text(json.dumps(value))


def test_an_output_that_is_taken_stays_as_it_is(job, capsys) -> None:
    output = job / "export"
    output.mkdir()
    (output / "mine").write_text("kept")
    line = refused(capsys, job)
    assert "exists; pass --overwrite to replace it" in line
    # It is no earlier export, so --overwrite must not remove it.
    line = refused(capsys, job, "--overwrite")
    assert "holds no export.json, so --overwrite does not replace it" in line
    for value in ("{}", "[]", '{"exports": 3}', '{"exports": [{"format": "keras"}]}'):
        (output / "export.json").write_text(value)
        line = refused(capsys, job, "--overwrite")
        assert "export.json is of no earlier export" in line
    (output / "export.json").unlink()
    assert (output / "mine").read_text() == "kept"
    assert "is a file" in refused(capsys, job, f"--output={output / 'mine'}")


def test_an_export_that_is_wrong_leaves_what_was_there(
    job, capsys, monkeypatch
) -> None:
    output = job / "export"
    earlier(output)
    before = below(output)

    def refuse(written: Any) -> Any:
        raise LotteryError(f"{written[0].name} was not written: it is wrong")

    monkeypatch.setattr(staging, "verify", refuse)
    line = refused(capsys, job, "--overwrite", "--format=saved_model,keras")
    assert f"{output}/lenet/1 was not written: it is wrong" in line
    assert below(output) == before
    assert sorted(os.listdir(job)) == sorted(
        ["export", "figure.png", "lock", "results.jsonl", "settings.json", "trial0"]
    )


@pytest.mark.parametrize(
    "name",
    [
        "thesis.txt",
        "photos/a.png",
        "lenet.tflite",
        "lenet/2/saved_model.pb",
        "lenet/1/notes.txt",
        "lenet/1/variables/mine",
    ],
)
def test_what_no_export_has_written_is_not_removed(job, capsys, name) -> None:
    output = job / "export"
    earlier(output)
    replacing.output(str(output), True)  # As it is, it can be replaced.
    (output / name).parent.mkdir(exist_ok=True)
    (output / name).write_text("mine")
    before = below(output)
    line = refused(capsys, job, "--overwrite")
    shown = {"photos/a.png": "photos", "lenet/2/saved_model.pb": "lenet/2"}
    assert f"{output}/{shown.get(name, name)} is no part of the earlier" in line
    assert below(output) == before


def test_of_two_exports_to_one_place_the_later_is_refused(
    job, capsys, monkeypatch
) -> None:
    output = job / "export"
    finish = staging.finish

    def meanwhile(stages: Any, verbose: bool) -> Any:
        earlier(output)
        return finish(stages, verified=False, verbose=verbose)

    monkeypatch.setattr(staging, "finish", meanwhile)
    line = refused(capsys, job, "--format=keras")
    assert f"{output} exists and is not empty; remove it" in line
    assert (output / "lenet.keras").read_text() == ""
    assert sorted(os.listdir(output)) == ["export.json", "lenet", "lenet.keras"]
