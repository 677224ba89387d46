"""A search tells how far it is: one bar for all its levels, while they train."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from lth_keras.search.prepared import PreparedSearch
from lth_keras.storage import paths
from lth_keras.training import bars, callables
from lth_keras.training.plan import Plan
from lth_keras.training.progress import Progress


@contextlib.contextmanager
def shown(search: PreparedSearch, plan: Plan) -> Iterator[Plan]:
    """The plan with a bar in it, where nobody asked for Keras's own bars or silence.

    Args:
        search: whose levels are to be trained.
        plan: of the search.
    """
    finished = sum(
        paths.exists(search.directory.level(level).result)
        for level in range(search.levels + 1)
    )
    if not _is_wanted(plan) or finished > search.levels:
        yield plan
        return
    progress = Progress(search.levels + 1, finished, search.levels)
    progress.begin(search.trial, "ticket", finished)
    search.plan = dataclasses.replace(plan, progress=progress)
    try:
        yield search.plan
    finally:
        progress.close()
        # Controls that are run later have bars of their own.
        search.plan = plan


def _is_wanted(plan: Plan) -> bool:
    if plan.fit_arguments.get("verbose", "auto") != "auto":
        return False
    if callables.is_callback_function(plan.callbacks):
        return True
    given = callables.callback_list(plan.callbacks, plan.trainer)
    return not bars.has_own(plan.trainer, given)
