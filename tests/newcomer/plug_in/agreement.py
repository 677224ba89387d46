"""An analysis: how many of a ticket's weights end with the sign they began with."""

from __future__ import annotations

import numpy as np

from lth_keras.runs import finished
from lth_keras.storage.paths import PathLike


def sign_agreement(directory: PathLike) -> dict[int, float]:
    """Share of the kept weights whose sign training leaves, by level (1905.01067).

    Args:
        directory: of a search; levels that are not finished are left out.

    Returns:
        {level: fraction in [0, 1]}.

    Raises:
        LotteryError: the directory holds no finished run.
    """
    found = {}
    for run in finished.read(directory).runs:
        if run.key == "ticket":
            pairs = run.kept_weights().values()
            same = [np.sign(initial) == np.sign(end) for initial, end in pairs]
            found[run.row["level"]] = float(np.concatenate(same).mean())
    return found
