"""What is in the wheel and the sdist, and that it works where only they are.

Built without the network, by the setuptools of the environment, from a copy of the
sources: the sdist first, then the wheel from the sdist.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from lth_keras.version import __version__
from tests.support.places import FLAGFILES, ROOT

SDIST = "from setuptools import build_meta as b; print(b.build_sdist('dist'))"


def modules() -> set[str]:
    found = (ROOT / "lth_keras").rglob("*.py")
    return {path.relative_to(ROOT).as_posix() for path in found}


def flag_files() -> set[str]:
    return {path.name for path in FLAGFILES.iterdir()}


def run(command: list[str], folder: pathlib.Path, **more: str) -> str:
    environment = {**os.environ, **more}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with sdist and wheel."""
    copy = tmp_path_factory.mktemp("sources")
    ignored = shutil.ignore_patterns("__pycache__", "*.png")
    for name in ("lth_keras", "examples", "benchmarks", "tools", "tests", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, copy)
    run([sys.executable, "-c", SDIST], copy)
    (sdist,) = (copy / "dist").iterdir()
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    wheel = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", "dist"]
    run([*wheel, str(sdist)], copy)
    return copy / "dist"


@pytest.fixture(scope="module")
def installed(
    dist: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """A folder of an unpacked wheel, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def test_the_wheel_holds_every_module_and_nothing_else_of_python(
    installed: pathlib.Path,
) -> None:
    found = {p.relative_to(installed).as_posix() for p in installed.rglob("*.py")}
    assert found == modules()


def test_the_wheel_holds_types_flagfiles_and_licence(installed: pathlib.Path) -> None:
    info = f"lth_keras-{__version__}.dist-info"
    found = {
        p.relative_to(installed).as_posix()
        for p in installed.rglob("*")
        if p.is_file() and p.suffix != ".py" and info not in p.parts
    }
    flags = {f"lth_keras/flagfiles/{name}" for name in flag_files()}
    assert found == flags | {"lth_keras/py.typed"}
    licence = installed / info / "licenses" / "LICENSE"
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_sdist_holds_what_the_wheel_is_made_of_and_no_tests(
    dist: pathlib.Path,
) -> None:
    top = f"lth_keras-{__version__}"
    with tarfile.open(dist / f"{top}.tar.gz") as packed:
        names = {name.removeprefix(f"{top}/") for name in packed.getnames()}
    flags = {f"examples/flags/{name}" for name in flag_files()}
    more = {"lth_keras/py.typed", "LICENSE", "README.md", "pyproject.toml"}
    assert modules() | flags | more <= names
    python = {name for name in names if name.endswith(".py")}
    assert python == modules() | {"setup.py"}


@pytest.mark.parametrize(
    "command, program",
    [
        ("lth-search", "lottery_search"),
        ("lth-controls", "run_controls"),
        ("lth-plot", "plot_results"),
        ("lth-export", "export_ticket"),
        ("lth-stability", "stability"),
        ("lth-cost", "cost"),
    ],
)
def test_the_commands_of_a_wheel_start(
    installed: pathlib.Path, tmp_path: pathlib.Path, command: str, program: str
) -> None:
    entry = installed / f"lth_keras-{__version__}.dist-info" / "entry_points.txt"
    assert f"{command} = lth_keras.programs.{program}:program\n" in entry.read_text()
    # What pip writes into the environment's bin folder.
    script = tmp_path / command
    script.write_text(
        "import sys\n"
        f"from lth_keras.programs.{program} import program\n"
        "sys.exit(program())\n"
    )
    path = str(installed)
    printed = run([sys.executable, str(script), "--help"], tmp_path, PYTHONPATH=path)
    assert "Flags, with their defaults:" in printed


def test_an_installed_package_finds_its_flagfiles_by_name(
    installed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    code = (
        "from lth_keras.programs import flagfiles, options\n"
        "print(flagfiles.__file__)\n"
        "print(options.read(['lth-search', '--flagfile=lenet'], '').dataset)\n"
        "print(*flagfiles.names())\n"
    )
    printed = run([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(installed))
    place, dataset, known = printed.splitlines()
    assert pathlib.Path(place).is_relative_to(installed)
    assert dataset == "mnist"
    assert {f"{name}.flags" for name in known.split()} == flag_files()
