"""The documents against the project: no dead link, no file that is not there."""

from __future__ import annotations

import pathlib
import re

import pytest

from lth_keras.programs import flagfiles
from tests.support.places import ROOT
from tools import floors
from tools.update_build import DIRECTORIES

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path: pathlib.Path) -> set[str]:
    """The names that headings have as targets of links."""
    text = without_blocks(path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: pathlib.Path) -> None:
    text = without_blocks(path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_is_there(path: pathlib.Path) -> None:
    text = path.read_text(encoding="utf-8")
    folders = "|".join((*DIRECTORIES, "docs"))
    named = re.findall(rf"(?<![\w/.-])(?:{folders})/[\w/.]*\w", text)
    for name in set(named):
        # What a user makes, and rooms whose place is kept, are not there.
        if name.removeprefix("lth_keras/") in ("analysis", "methods"):
            continue
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_module_that_is_named_is_there(path: pathlib.Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in set(re.findall(r"(?:import |from |-m )(lth_keras(?:\.\w+)*)", text)):
        place = ROOT / name.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").is_file(), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_flagfile_that_is_named_is_one(path: pathlib.Path) -> None:
    text = path.read_text(encoding="utf-8")
    for given in set(re.findall(r"--flagfile=([\w./]+)", text)):
        name = pathlib.PurePosixPath(given).name.removesuffix(".flags")
        assert name in flagfiles.names(), given


def test_the_architecture_tells_of_every_room_on_its_floor() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told: dict[str, int] = {}
    for number, rooms in re.findall(r"^\| (\d+) \| ([^|]+)\|", text, re.MULTILINE):
        for room in re.findall(r"`(\w+)(?:/|\.py)`", rooms):
            told[room] = int(number)
    table = enumerate(floors.FLOORS, start=1)
    facade = {"door", "public", "registration", "__init__"}
    rooms = {room: number for number, names in table for room in names.split()}
    assert told == {r: n for r, n in rooms.items() if r not in facade}


def test_the_drawing_has_every_room_that_is_built() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = text.partition("```mermaid")[2].partition("```")[0]
    drawn = set(re.findall(r"^    (\w+)\[", drawing, re.MULTILINE)) - {"facade"}
    folders = (path.parent for path in (ROOT / "lth_keras").glob("*/__init__.py"))
    assert drawn == {folder.name for folder in folders} | {"errors"}


def test_an_arrow_of_the_drawing_goes_down() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for line in re.findall(r"^    (\w[\w &]* --> [\w &]+)$", text, re.MULTILINE):
        high, low = (side.split(" & ") for side in line.split(" --> "))
        for upper in high:
            for lower in low:
                assert height(upper) > height(lower), line


def height(room: str) -> int:
    found = floors.floor(f"lth_keras/{'__init__' if room == 'facade' else room}/x.py")
    assert found is not None
    return found
