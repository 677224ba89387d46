"""What a task on another machine has stored meanwhile, seen from here.

A search is one task of hours, and each of its levels is a result. The directory is
shared, so a look into it is all it takes; what this machine's view of a network disk
does not show yet comes with the task's end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.runs import layout, result_files
from lth_keras.storage import paths

# Seconds after which a network disk shows what another machine has written.
_SHOWN_WITHIN = 120


class Followed:
    """The runs of one task.

    Args:
        places: where they are stored, in the order in which they are trained. Those
            that are finished already are no news.
    """

    def __init__(self, places: Iterable[layout.LevelDirectory]):
        self._left = [place for place in places if not paths.exists(place.result)]
        # Told by the task, and not seen yet.
        self._unseen: list[layout.LevelDirectory] = []

    def news(self) -> list[dict[str, Any]]:
        """The rows of runs that have been finished since the last look."""
        found = []
        # One after the other: what comes later need not be looked for.
        while self._left and paths.exists(self._left[0].result):
            found.append(result_files.row(self._left.pop(0)))
        return found

    def told(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of a task's own rows that have not been seen, at its end."""
        left = {place.level: place for place in self._left}
        found = [row for row in rows if row["level"] in left]
        self._unseen += [left[row["level"]] for row in found]
        self._left = []
        return found

    def wait(self) -> None:
        """Waits until everything that was told is to be seen from here.

        Raises:
            LotteryError: it does not come.
        """
        until = time.monotonic() + _SHOWN_WITHIN
        for place in self._unseen:
            while not paths.exists(place.result):
                if time.monotonic() > until:
                    raise LotteryError(
                        f"{place.result} was stored on another machine, and this one "
                        "does not see it: name a directory that every node shares."
                    )
                time.sleep(1)
        self._unseen = []
