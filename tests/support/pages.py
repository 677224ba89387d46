"""The code blocks of the documents, and the ways in which tests run them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lth_keras.programs import (
    command_line,
    cost,
    export_flags,
    export_ticket,
    lottery_search,
    options,
    plot_flags,
    plot_results,
    run_controls,
    stability,
)
from tests.support.places import ROOT

# What a command is called in a checkout and installed, with its `main` and arguments.
PROGRAMS: Mapping[str, tuple[str, Callable[..., None], Sequence[str]]] = {
    "lth-search": ("lottery_search.py", lottery_search.main, options.ARGUMENTS),
    "lth-controls": ("run_controls.py", run_controls.main, ["data_dir"]),
    "lth-plot": ("plot_results.py", plot_results.main, plot_flags.ARGUMENTS),
    "lth-cost": ("cost.py", cost.main, options.ARGUMENTS),
    "lth-export": ("export_ticket.py", export_ticket.main, export_flags.ARGUMENTS),
    "lth-stability": ("stability.py", stability.main, stability.ARGUMENTS),
}


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        page: the document, below the project's root.
        language: what the fence says; "" for none.
        text: what it holds.
    """

    page: str
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0]


def blocks() -> list[Block]:
    """Every fenced block of every document, in order."""
    pages = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    return [
        Block(str(page.relative_to(ROOT)), language, text)
        for page in pages
        for language, text in re.findall(
            r"^```(\w*)\n(.*?)^```$",
            page.read_text(encoding="utf-8"),
            re.DOTALL | re.MULTILINE,
        )
    ]


def commands(text: str) -> list[list[str]]:
    """The command lines of a block as words, comments left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def carry_out(
    words: Sequence[str], places: Mapping[str, str], more: Mapping[str, Sequence[str]]
) -> None:
    """Runs one of our programs in this process.

    Args:
        words: of its command line, as in a checkout or installed.
        places: what stands in the place of words such as DIR.
        more: by program, flags that make the run smaller: the last one counts.

    Raises:
        AssertionError: it is none of ours, or fails.
    """
    name, *given = words
    if name == "python":
        file = pathlib.PurePosixPath(given.pop(0)).name
        name = next(n for n, (script, *_) in PROGRAMS.items() if script == file)
    script, main, arguments = PROGRAMS[name]
    for old, new in places.items():
        given = [re.sub(rf"\b{old}\b", new, word) for word in given]
    argv = [script, *given, *more.get(name, ())]
    assert command_line.run(main, argv, arguments) == 0, argv


def execute(text: str, page: str, names: dict[str, Any]) -> None:
    """Runs a block of Python with the names of the blocks before it."""
    exec(compile(text, page, "exec"), names)
