"""Two arms timed in turn: the only figures that mean anything on a shared machine.

A ratio compares two runs that followed each other at once; the median over several
pairs is what gets quoted.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Ratios of arm A to arm B, pair by pair, and the seconds behind them."""

    ratios: list[float]
    seconds_a: list[float]
    seconds_b: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    def __str__(self) -> str:
        return (
            f"{self.median:.2f} (min {min(self.ratios):.2f}, max "
            f"{max(self.ratios):.2f}, {len(self.ratios)} pairs; medians "
            f"{statistics.median(self.seconds_a):.3f} s and "
            f"{statistics.median(self.seconds_b):.3f} s)"
        )


def seconds(arm: Callable[[], object]) -> float:
    """Wall-clock seconds of one run."""
    began = time.perf_counter()
    arm()
    return time.perf_counter() - began


def measure(
    a: Callable[[], object], b: Callable[[], object], pairs: int, warm_up: int = 1
) -> Ratio:
    """Runs A B A B ..., and relates each A to the B after it.

    Args:
        a: the arm whose cost is asked for.
        b: the arm it is compared with.
        pairs: counted pairs.
        warm_up: uncounted pairs before, for tracing and compilation.
    """
    for _ in range(warm_up):
        a()
        b()
    times = [(seconds(a), seconds(b)) for _ in range(pairs)]
    return Ratio(
        [x / y for x, y in times], [x for x, _ in times], [y for _, y in times]
    )


def report(what: str, found: object, target: str) -> None:
    """Prints one line of a benchmark."""
    print(f"{what}: {found}; target {target}", flush=True)
