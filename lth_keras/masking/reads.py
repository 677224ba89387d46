"""Arrays of a model that are read when they are asked for, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class WhenAsked(Sequence[np.ndarray]):
    """Arrays of which nobody holds more than he asks for; each time they are read anew.

    Args:
        read: one for each.
    """

    def __init__(self, read: Sequence[Callable[[], np.ndarray]]):
        self._read = read

    def __len__(self) -> int:
        return len(self._read)

    def __getitem__(self, index: Any) -> Any:
        return self._read[index]()
