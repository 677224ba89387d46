"""results.jsonl while runs finish: a line is added for each, and in the end all are
put in order.

Each run's own result.json is what counts. A line that a kill has lost or cut in two is
made again from it when the job goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.storage import appending, files, paths, sharing

Rows = Sequence[Mapping[str, Any]]


class ResultLines:
    """The result lines of one directory.

    Args:
        path: of the file.
        stored: f() -> the rows of all runs that are stored, in order.
    """

    def __init__(self, path: str, stored: Callable[[], Rows]):
        self._path, self._stored = path, stored
        self._added = False

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds the row of a run that has just been stored, whatever number are there.

        Several processes may do so at a time.

        Raises:
            LotteryError: it cannot be written.
        """
        self._added = True
        self._append(row)

    @sharing.by_chief
    def _append(self, row: Mapping[str, Any]) -> None:
        if not appending.append_line(self._path, files.json_line(row)):
            files.write_jsonl(self._path, self._stored())

    def store(self) -> None:
        """Writes the file from what is stored; before the first run there is none.

        Raises:
            LotteryError: a result cannot be read, or the file not be written.
        """
        self._store()
        self._added = False

    @sharing.by_chief
    def _store(self) -> None:
        rows = self._stored()
        if rows or paths.exists(self._path):
            files.write_jsonl(self._path, rows)

    @contextlib.contextmanager
    def in_order(self) -> Iterator[None]:
        """Puts in order what is added in a block, however the block ends.

        Raises:
            LotteryError: as `store`; but the block's own error comes first.
        """
        try:
            yield
        except BaseException:
            if sharing.is_joined():
                raise  # Others of the group may be gone; a new start does it.
            with contextlib.suppress(LotteryError):
                self._order()
            raise
        self._order()

    def _order(self) -> None:
        if self._added:
            self.store()
