"""What may be given to a figure: a search, an experiment, a path, or rows themselves.

rows = given.rows(lth.LotterySearch.load("runs/mnist"))
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from lth_keras.errors import LotteryError, shown
from lth_keras.runs import finished
from lth_keras.runs.finished import RowAndCurve
from lth_keras.runs.stored import SearchHistory, StoredSearch

_ALLOWED = (
    "give a search, an experiment, what `fit` returned, a run directory, or result "
    "lines"
)


def series(results: Any) -> dict[str, list[dict[str, Any]]]:
    """The result rows of one search, or of several by name.

    Args:
        results: as of `rows`, or a dict of such by the name of each search.

    Raises:
        LotteryError: it is something else, or holds no finished run.
    """
    if isinstance(results, Mapping):
        if not results:
            raise LotteryError(f"results={shown(results)} is empty: {_ALLOWED}.")
        return {str(name): rows(each) for name, each in results.items()}
    return {"": rows(results)}


def rows(results: Any) -> list[dict[str, Any]]:
    """The result rows of a search.

    Raises:
        LotteryError: it is something else, or holds no finished run.
    """
    if isinstance(results, (str, os.PathLike)):
        return finished.read(results).rows
    if isinstance(results, (StoredSearch, SearchHistory)):
        found = results.results
    else:  # An experiment, of a room above, has rows.
        found = getattr(results, "rows", results)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise LotteryError(f"results={shown(results)}: {_ALLOWED}.")
    if not found:
        raise LotteryError(f"results={shown(results)} holds no finished run yet.")
    return found


def curves(results: Any) -> list[RowAndCurve]:
    """The result rows with their curves.

    Raises:
        LotteryError: it is something else, holds no finished run, or has no curves.
    """
    if isinstance(results, (str, os.PathLike)):
        return finished.read(results).curves
    if isinstance(results, SearchHistory):
        return list(zip(results.results, results.curves, strict=True))
    if isinstance(results, StoredSearch):
        return finished.read(results.directory.root).curves
    raise LotteryError(
        f"results={shown(results)} has no curves: give a search, what `fit` returned, "
        "or a run directory."
    )
