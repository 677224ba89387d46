"""A campaign tries many random cases of one kind: how many, and from which seed."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Campaign:
    """One run of a campaign.

    Attributes:
        seed: what every case is drawn from, printed with a failure.
        full: whether all cases are tried, and not only the sample of the fast suite.
    """

    seed: int
    full: bool

    def count(self, full: int, sample: int) -> int:
        """How many cases to try."""
        return full if self.full else sample

    def generator(self, case: int) -> np.random.Generator:
        """The random numbers of one case, whatever cases came before it."""
        return np.random.default_rng([self.seed, case])
