"""What was found of an export: how far its outputs are off, how fast it is."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far one output is off.

    Attributes:
        absolute: largest absolute difference to the model's own output.
        relative: that, divided by the largest absolute value expected; None where all
            that was expected is 0, and something else was found.
    """

    absolute: float
    relative: float | None

    def __str__(self) -> str:
        if self.relative is None:
            return f"{self.absolute:.3g} (all values expected are 0)"
        return f"{self.absolute:.3g} ({self.relative:.3g} of the largest value)"


@dataclasses.dataclass(frozen=True)
class Latency:
    """Seconds per call (medians) of both, measured in turn.

    Attributes:
        batch: examples per call.
        dense: seconds of the dense network in the same format.
        sparse: seconds of the export.
        ratio: median over neighbouring pairs of sparse / dense.
    """

    batch: int
    dense: float
    sparse: float
    ratio: float


@dataclasses.dataclass(frozen=True)
class Found:
    """What verification found of one export; it passed.

    Attributes:
        differences: by output, "signature/output" but for serving_default. The worst
            of all loaders.
        latencies: at batch 1 and 32 (or the one that is allowed); empty without a
            dense counterpart.
        loaders: what loaded it, as names to print.
    """

    differences: dict[str, Difference]
    latencies: tuple[Latency, ...]
    loaders: tuple[str, ...]

    @property
    def largest(self) -> Difference:
        """The worst of all outputs."""

        def share(difference: Difference) -> float:
            return np.inf if difference.relative is None else difference.relative

        worst = max(self.differences.values(), key=share, default=None)
        return worst or Difference(0.0, 0.0)
