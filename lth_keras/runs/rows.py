"""What does a result line say? Which run it is of, and what was measured in that run.

`Run` is the first part; `measures` finds early stopping and accuracies in the curve.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

# Metrics of which more is better, by parts of their names; losses are all others.
_GROWING = ("acc", "auc", "precision", "recall", "f1", "iou", "r2")

Curve = Mapping[str, Sequence[float]]


def early_stop(values: Sequence[float], monitor: str) -> int | None:
    """Index of the best finite value: the first minimum, or maximum of accuracies.

    The early-stopping iteration of the paper (1803.03635, section 2) is the one of
    minimum validation loss.
    """
    sign = -1.0 if any(word in monitor for word in _GROWING) else 1.0
    finite = [(sign * v, i) for i, v in enumerate(values) if math.isfinite(v)]
    return min(finite)[1] if finite else None


def measures(
    curve: Curve, final: Mapping[str, float], epochs: Curve, monitor: str | None
) -> dict[str, float | None]:
    """The part of a result line that was measured.

    Args:
        curve: the metrics by iteration, with a column "iteration".
        final: the metrics of the weights that the run ended with, "train_..." too.
        epochs: Keras's own history, by epoch.
        monitor: the column that finds the early-stopping iteration, or None.

    Returns:
        None stands for what was not measured.
    """
    best = None if monitor is None else early_stop(curve.get(monitor, ()), monitor)
    train = _accuracy(final, "train_")
    if train is None:
        name = next((n for n in epochs if _is_train_accuracy(n) and epochs[n]), None)
        train = None if name is None else epochs[name][-1]
    at_best = {} if best is None else {name: v[best] for name, v in curve.items()}
    return {
        "early_stop_iteration": at_best.get("iteration"),
        "early_stop_test_accuracy": _accuracy(at_best, "test_"),
        "test_accuracy": _accuracy(final, "test_"),
        "validation_loss": at_best.get("val_loss"),
        "train_accuracy": train,
    }


def _accuracy(row: Mapping[str, float], prefix: str) -> float | None:
    return next(
        (v for n, v in row.items() if n.startswith(prefix) and "acc" in n), None
    )


def _is_train_accuracy(name: str) -> bool:
    return "acc" in name and not name.startswith(("val_", "test_"))


@dataclasses.dataclass(frozen=True)
class Run:
    """Which run this is, for its place on disk and its result line.

    Attributes:
        level: level whose density the run has.
        control: "ticket" for the search itself, else the control's name.
        replicate: number of the replicate of a control.
        parameters: the control's own, such as a noise sigma.
        data_seed: seed of the data order and of random layers.
    """

    level: int
    control: str = "ticket"
    replicate: int = 0
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    data_seed: int = 0
