"""The judging process gets no module and no variable that it does not run with."""

from __future__ import annotations

import json
import os
import pathlib
import sys

import pytest

from lth_keras.export import reloading, surroundings

LIBRARY = os.path.dirname(os.__file__)

# In the place of the program that reloads; it says what it runs with.
PROBE = """\
import json, os, sys
def main(folder):
    found = {"json": json.__file__, "path": sys.path, "environment": dict(os.environ)}
    with open(os.path.join(folder, "found.json"), "w", encoding="utf-8") as file:
        json.dump(found, file)
"""


def hostile(folder: pathlib.Path) -> pathlib.Path:
    """A directory with files that a Python that looks there would run."""
    folder.mkdir()
    for name in ("json", "sitecustomize", "runpy", "tensorflow"):
        (folder / f"{name}.py").write_text(
            f"open(__file__ + '.ran', 'w').close()\nraise ImportError({name!r})\n"
        )
    return folder


def probed(tmp_path: pathlib.Path) -> dict:
    probe, place = tmp_path / "probe.py", tmp_path / "place"
    place.mkdir()
    probe.write_text(PROBE)
    reloading._run(reloading.bootstrap(str(probe), str(place), ()), str(place), 60)
    return json.loads((place / "found.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", ["", ".", "sub/..", os.curdir + os.sep])
def test_modules_are_never_taken_from_where_the_user_stands(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    folder = hostile(tmp_path / "hostile")
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [entry, *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(folder))
    found = probed(tmp_path)
    assert os.path.dirname(os.path.dirname(found["json"])) == LIBRARY
    assert str(folder) not in map(os.path.abspath, found["path"])
    assert not list(folder.glob("*.ran"))


def test_a_directory_on_the_path_comes_after_pythons_own_modules(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As of `python script.py`: modules of the user's own are to be found there.
    folder = hostile(tmp_path / "hostile")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    found = probed(tmp_path)
    assert os.path.dirname(os.path.dirname(found["json"])) == LIBRARY
    assert str(folder) in found["path"]
    assert not list(folder.glob("*.ran"))


def test_what_is_installed_keeps_its_order() -> None:
    compiled, zipped = (
        os.path.join(LIBRARY, "lib-dynload"),
        os.path.join(
            os.path.dirname(LIBRARY),
            f"python{sys.version_info.major}{sys.version_info.minor}.zip",
        ),
    )
    ours = ["", "/script", "/mine", zipped, LIBRARY, compiled, "/site", "rel", "/mine"]
    assert surroundings.module_places([*ours, pathlib.Path("/p")]) == [
        zipped,
        LIBRARY,
        compiled,
        "/script",
        "/mine",
        "/site",
    ]


def test_variables_that_are_nobodys_business_stay_here(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.setenv("TF_CONFIG", "{}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    found = probed(tmp_path)["environment"]
    assert "secret" not in found.values()
    assert not {"TF_USE_LEGACY_KERAS", "TF_CONFIG", "PYTHONPATH"} & set(found)
    assert found["PATH"] == os.environ["PATH"]
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert found["TF_CPP_MIN_LOG_LEVEL"] == "3"
