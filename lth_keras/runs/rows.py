"""What does a result line say? Which run it is of, and what was measured in that run.

`Run` is the first part; `measures` finds early stopping and the metrics in the curve.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lth_keras.runs import shown_metric

Curve = Mapping[str, Sequence[float]]


def early_stop(values: Sequence[float], monitor: str) -> int | None:
    """Index of the best finite value: the first minimum, or maximum of accuracies.

    The early-stopping iteration of the paper (1803.03635, section 2) is the one of
    minimum validation loss.
    """
    sign = -1.0 if shown_metric.grows(monitor) else 1.0
    finite = [(sign * v, i) for i, v in enumerate(values) if math.isfinite(v)]
    return min(finite)[1] if finite else None


def is_censored(row: Mapping[str, Any]) -> bool:
    """Whether a run's best value was its last: it could have come later.

    What is known of the early-stopping iteration then is a lower bound.
    """
    stored = row.get("early_stop_censored")
    if stored is None:
        # Lines of earlier versions do not say it; the last iteration was evaluated.
        last = row.get("early_stop_iteration")
        return last is not None and last == row.get("iterations")
    return bool(stored)


def measures(
    curve: Curve,
    final: Mapping[str, float],
    epochs: Curve,
    monitor: str | None,
    monitor_metric: str | None = None,
) -> dict[str, Any]:
    """The part of a result line that was measured.

    Args:
        curve: the metrics by iteration, with a column "iteration".
        final: the metrics of the weights that the run ended with, "train_..." too.
        epochs: Keras's own history, by epoch.
        monitor: the column that finds the early-stopping iteration, or None.
        monitor_metric: the metric of tables and figures; `shown_metric.chosen` says
            which one by default.

    Returns:
        None stands for what was not measured. All metrics stand by name in "metrics",
        of the end of training, and in "early_stop_metrics". Where `monitor_metric` is
        an accuracy, the accuracies are this one; otherwise the first one there is.
    """
    seen = curve.get(monitor, ()) if monitor else ()
    best = early_stop(seen, monitor) if monitor else None
    at_best = {} if best is None else {name: v[best] for name, v in curve.items()}
    iteration = at_best.pop("iteration", None)
    shown = shown_metric.chosen([*final, *at_best], monitor_metric)
    train = _accuracy(final, "train_", shown)
    if train is None:
        of_train = {
            name: values[-1]
            for name, values in epochs.items()
            if values and not name.startswith(("val_", "test_"))
        }
        train = _accuracy(of_train, "", shown)
    return {
        "early_stop_iteration": iteration,
        "early_stop_censored": None if best is None else _is_last(best, seen),
        "early_stop_test_accuracy": _accuracy(at_best, "test_", shown),
        "test_accuracy": _accuracy(final, "test_", shown),
        "validation_loss": at_best.get("val_loss"),
        "train_accuracy": train,
        "monitor_metric": shown,
        "metrics": shown_metric.finite(final),
        "early_stop_metrics": shown_metric.finite(at_best),
    }


def untrained(
    begun: Mapping[str, float], monitor_metric: str | None = None
) -> dict[str, Any]:
    """The part of a result line that was measured before the first step.

    What the masked network computes untrained is what a supermask is judged by
    (1905.01067, section 5).

    Args:
        begun: the metrics of the test data, by name.
        monitor_metric: the metric of tables and figures, as `measures` takes it.
    """
    shown = shown_metric.chosen(list(begun), monitor_metric)
    return {"initial_test_accuracy": _accuracy(begun, "test_", shown)}


def _is_last(best: int, values: Sequence[float]) -> bool:
    return not any(math.isfinite(value) for value in values[best + 1 :])


def _accuracy(row: Mapping[str, float], prefix: str, shown: str | None) -> float | None:
    """The accuracy that is shown, or else the first one with that prefix."""
    if shown and shown_metric.is_accuracy(shown) and prefix + shown in row:
        return row[prefix + shown]
    return next(
        (
            value
            for name, value in row.items()
            if name.startswith(prefix) and shown_metric.is_accuracy(name)
        ),
        None,
    )


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
