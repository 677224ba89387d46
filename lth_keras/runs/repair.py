"""What to do about a run whose files are damaged, or somebody else's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lth_keras.errors import LotteryError


@contextlib.contextmanager
def advised(root: str) -> Iterator[None]:
    """Says of what a block refuses which directory to remove.

    Args:
        root: the directory of the run, whose files are made again without it.

    Raises:
        LotteryError: the block's own, with the advice. A disk that cannot be read, or
            a file that is another user's, is no reason to remove anything.
    """
    try:
        yield
    except LotteryError as error:
        cause = error.__cause__
        gone = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
        if isinstance(cause, OSError) and not isinstance(cause, gone):
            raise
        advice = f"remove {root} to train it again"
        if advice in str(error):
            raise
        raise LotteryError(f"{str(error).rstrip('.')}; {advice}.") from error
