"""Who may write what of a job's directory: one process all of it, or each one trial.

    with holding.whole(directory) as hold: ...
    with holding.one_trial(directory, 3) as hold:
        with hold.shared(): ...                        # what all trials have in common

A SLURM array is many processes on one directory, each with a trial of its own. What
they share (settings, the result lines of all, the figure) is written by one at a time.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from lth_keras.errors import LotteryError
from lth_keras.runs import integrity, layout
from lth_keras.storage import directories, locks

# Seconds that a process waits for others to have written their line; and, before it
# has begun, for who may as well be carrying out all trials.
_PATIENCE, _BEGIN_WITHIN = 600, 60


@dataclasses.dataclass(frozen=True)
class Hold:
    """What a process holds of a directory.

    Attributes:
        trial: the one that it carries out; None for all.
        shared: f() -> a block in which what all trials share may be written.
    """

    trial: int | None
    shared: Callable[[], AbstractContextManager[None]]


@contextlib.contextmanager
def whole(
    directory: layout.ExperimentDirectory, argument: str = "directory"
) -> Iterator[Hold]:
    """Holds a job's directory, cleared of what a killed process left in it.

    Args:
        directory: of the job.
        argument: what the user named it by.

    Raises:
        LotteryError: another process holds it or a trial, or it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        with _named(directory, argument):
            stack.enter_context(locks.lock(directory.root))
            for trial in directory.jobs():
                # Who works on a trial alone has begun before; nobody can from now on.
                with locks.lock(directory.job(trial)):
                    pass
            integrity.check_kinds(directory.root)
            directories.clean_leftovers(directory.root, recursive=False)
        yield Hold(None, contextlib.nullcontext)


@contextlib.contextmanager
def one_trial(
    directory: layout.ExperimentDirectory, trial: int, argument: str = "directory"
) -> Iterator[Hold]:
    """Holds one trial of a job, beside processes that hold others.

    Args:
        directory: of the job.
        trial: its number.
        argument: what the user named the directory by.

    Raises:
        LotteryError: another process holds the trial or the whole, or it cannot be
            written.
    """

    @contextlib.contextmanager
    def shared() -> Iterator[None]:
        with contextlib.ExitStack() as held:
            with _named(directory, argument):
                held.enter_context(locks.lock(directory.root, _PATIENCE))
            yield

    with contextlib.ExitStack() as stack:
        with _named(directory, argument):
            # A moment's hold of the whole: it is nobody's who carries out all trials.
            with locks.lock(directory.root, _BEGIN_WITHIN):
                stack.enter_context(locks.lock(directory.job(trial)))
                integrity.check_kinds(directory.trial(trial).root)
                directories.clean_leftovers(directory.root, recursive=False)
        yield Hold(trial, shared)


def of(
    directory: layout.ExperimentDirectory, trial: int | None, argument: str
) -> AbstractContextManager[Hold]:
    """`one_trial`, or `whole` where no trial is named."""
    if trial is None:
        return whole(directory, argument)
    return one_trial(directory, trial, argument)


@contextlib.contextmanager
def _named(directory: layout.ExperimentDirectory, argument: str) -> Iterator[None]:
    try:
        yield
    except LotteryError as error:
        raise LotteryError(f"{argument}={directory.root}: {error}") from error
