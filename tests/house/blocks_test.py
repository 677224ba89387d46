"""Every code block of every document is run, or its row says why it is not."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from tests.support import pages
from tests.support.block_kinds import Commands, Elsewhere, NotRun, Python
from tests.support.block_rows import TABLE, row_of
from tests.support.pages import Block
from tests.support.places import ROOT
from tests.support.tiny_tfds import offline, prepare

# What keeps a job small; the last flag of a name counts.
SMALL = (
    *("--iterations=4", "--evaluate_every=2"),
    *("--trials=1", "--replicates=1", "--workers=0"),
)


def of_kind(kind: type) -> list[str]:
    """The pages that have a block of a kind."""
    found = [block.page for block in pages.blocks() if isinstance(row_of(block), kind)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    "block", pages.blocks(), ids=lambda block: f"{block.page}: {block.first[:40]}"
)
def test_every_block_has_a_language_and_a_row_that_fits_it(block: Block) -> None:
    row = row_of(block)
    assert block.language, "say which language it is: ```python, ```sh or ```text"
    if isinstance(row, Elsewhere):
        text = (ROOT / row.test).read_text(encoding="utf-8")
        assert pathlib.PurePosixPath(block.page).name in text or "BUILD" in text
    # What is not run is either no code, or not Python.
    assert not isinstance(row, NotRun) or block.language != "python"
    assert (block.language == "python") == isinstance(row, Python) or isinstance(
        row, Elsewhere
    )


def test_every_row_is_of_a_block_that_is_there() -> None:
    for page, first in TABLE:
        assert any(
            block.page == page and block.first.startswith(first)
            for block in pages.blocks()
        ), (page, first)


def test_a_block_of_python_can_be_compiled() -> None:
    for block in pages.blocks():
        if block.language == "python":
            compile(block.text, block.page, "exec")


def run_page(page: str) -> None:
    """Executes all Python of a page, from top to bottom."""
    names: dict = {"__name__": "__main__"}
    for block in pages.blocks():
        row = row_of(block) if block.page == page else None
        if not isinstance(row, Python):
            continue
        text = block.text
        for old, new in row.instead:
            assert old in text, old
            text = text.replace(old, new)
        pages.execute(row.given + text, page, names)


@pytest.mark.slow
@pytest.mark.parametrize("page", of_kind(Python))
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: str, in_own_process: Callable[..., str]
) -> None:
    in_own_process(
        f"from tests.house.blocks_test import run_page\nrun_page({page!r})\n",
        timeout=900,
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A few random images as MNIST and CIFAR-10."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as monkeypatch:
        tfds = offline(monkeypatch)
        sizes = {"train": 80, "test": 8}
        prepare(tfds, folder, "mnist", (28, 28, 1), sizes, "3.0.1")
        prepare(tfds, folder, "cifar10", (32, 32, 3), sizes, "3.0.2")
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", of_kind(Commands))
def test_the_commands_of_a_page_run_from_top_to_bottom(
    page: str, data_dir: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "first"
    folder.mkdir()
    places = {"DIR": data_dir, "RUN_DIR": "runs/lenet"}
    for block in pages.blocks():
        row = row_of(block) if block.page == page else None
        if not isinstance(row, Commands):
            continue
        more = {
            "lth-search": [*SMALL, *row.search],
            "lth-controls": ["--workers=0"],
            "lth-plot": ["--format=svg"],
            "lth-stability": ["--rewind_to=0it", "--levels=0,1", "--alphas=2"],
        }
        if row.anew:
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folder.mkdir()
        monkeypatch.chdir(folder)
        if not (folder / "examples").exists():
            (folder / "examples").symlink_to(ROOT / "examples")
        lines = pages.commands(block.text)
        assert lines
        for words in lines:
            pages.carry_out(words, places, more)
        reports = list(folder.glob("runs/*/report.html"))
        assert reports or "plot" not in block.text
