"""The ways in which a code block of a document is run, or is not."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Python:
    """Is executed after the page's other blocks of Python, in one process a page.

    Attributes:
        instead: texts that are replaced, so that it takes seconds.
        given: code that makes what the page says is the reader's own.
    """

    instead: tuple[tuple[str, str], ...] = ()
    given: str = ""


@dataclasses.dataclass(frozen=True)
class Commands:
    """Our programs, which are run with tiny data, fewer iterations and one trial.

    Attributes:
        search: more flags of the search.
        anew: whether it begins in an empty folder, as another way to the same.
    """

    search: tuple[str, ...] = ()
    anew: bool = False


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """A test file of its own runs it, or holds it against what it shows."""

    test: str


@dataclasses.dataclass(frozen=True)
class NotRun:
    """What it would need."""

    reason: str
