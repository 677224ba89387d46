"""Which metric do tables and figures show, and how is it written?

    metric = shown_metric.of_rows(rows)    # the one that the result lines name
    metric.final(row), metric.at_early_stop(row)
    metric.text(0.98611)                   # "98.61": accuracies are in percent

A result line holds every metric by name. Lines of earlier versions hold accuracies
alone, without a name.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError

_ACCURACY = re.compile(r"(acc|accuracy)(?![a-z])")
# Whatever the head of a network is called, of these less is better.
_LOSS = re.compile(r"(loss|error|mae|mse|mape|msle|crossentropy|divergence)(_\d+)?$")
# Metrics of which more is better, by what words in their names end with.
_GROWING = re.compile(
    r"(acc|accuracy|auc|precision|recall|iou|io_u|psnr|ssim|dice|similarity"
    r"|(?<![a-z])(f1|r2)(score)?)(?![a-z])"
)
# On which data a metric is shown: the first of these that it was computed on.
_DATA = {"test": "test", "val": "validation"}


@dataclasses.dataclass(frozen=True)
class Metric:
    """The metric of tables and figures.

    Attributes:
        name: as Keras calls it: "accuracy", "digit_accuracy", "mae", "loss".
        data: "test", or "val" where no test data were given.
    """

    name: str = "accuracy"
    data: str = "test"

    @property
    def key(self) -> str:
        """Its name in a curve, and among the metrics of a result line."""
        return f"{self.data}_{self.name}"

    @property
    def is_accuracy(self) -> bool:
        return is_accuracy(self.name)

    @property
    def scale(self) -> int:
        """What a stored value is multiplied by where it is shown."""
        return 100 if self.is_accuracy else 1

    @property
    def said(self) -> str:
        """In words: "test accuracy", "validation mae"."""
        return f"{_DATA[self.data]} {self.name}"

    @property
    def title(self) -> str:
        """The same at the beginning of a sentence."""
        return self.said[0].upper() + self.said[1:]

    @property
    def unit(self) -> str:
        """What stands behind its name: " (%)", or nothing."""
        return " (%)" if self.is_accuracy else ""

    def text(self, value: float) -> str:
        """A value as it is shown: percent with two digits, else four figures."""
        return f"{100 * value:.2f}" if self.is_accuracy else f"{value:.4g}"

    def final(self, row: Mapping[str, Any]) -> float | None:
        """Its value at the end of training; None where it was not measured."""
        return self._value(row, "metrics", "test_accuracy")

    def at_early_stop(self, row: Mapping[str, Any]) -> float | None:
        """Its value at the early-stopping iteration."""
        return self._value(row, "early_stop_metrics", "early_stop_test_accuracy")

    def column(self, curve: Mapping[str, Sequence[Any]]) -> Sequence[Any] | None:
        """Its values by iteration, or None if the curve has none."""
        if self.key in curve:
            return curve[self.key]
        if self != ACCURACY:
            return None
        # A line of an earlier version does not say what its accuracy is called.
        name = next(
            (n for n in curve if n.startswith("test_") and is_accuracy(n)), None
        )
        return None if name is None else curve[name]

    def _value(self, row: Mapping[str, Any], place: str, older: str) -> float | None:
        stored = row.get(place)
        if isinstance(stored, Mapping):
            return stored.get(self.key)
        return row.get(older) if self.is_accuracy and self.data == "test" else None


# What is shown where nothing else is named.
ACCURACY = Metric()


def of_rows(rows: Iterable[Mapping[str, Any]], wanted: str | None = None) -> Metric:
    """The metric that is shown of some result lines.

    Args:
        rows: result lines.
        wanted: its name, with "test_" or "val_" before it or without; by default the
            one that the first line names, or accuracy.

    Raises:
        LotteryError: no run has a metric of that name.
    """
    rows = list(rows)
    found = dict.fromkeys(n for row in rows for n in row.get("metrics") or ())
    if wanted is None:
        named = (row.get("monitor_metric") for row in rows)
        wanted = next(filter(None, named), ACCURACY.name)
    elif wanted not in (known := _names(found) or [ACCURACY.name]):
        stripped = _without_data(wanted)
        if stripped not in known:
            raise LotteryError(
                f"monitor_metric={wanted!r} was not measured: use one of "
                f"{', '.join(known)}."
            )
        wanted = stripped
    data = [data for data in _DATA if f"{data}_{wanted}" in found]
    return Metric(wanted, data[0] if data else "test")


def of_searches(
    series: Mapping[str, Iterable[Mapping[str, Any]]], wanted: str | None = None
) -> Metric:
    """The metric that is shown of several searches, the same of all.

    Args:
        series: result lines by the name of their search.
        wanted: as of `of_rows`.

    Raises:
        LotteryError: they name different ones, or no run has it.
    """
    every = {name: list(rows) for name, rows in series.items()}
    if wanted is not None:
        return of_rows((row for rows in every.values() for row in rows), wanted)
    found = {name: of_rows(rows) for name, rows in every.items() if rows}
    if len(set(found.values())) > 1:
        named = ", ".join(f"{metric.said} of {n}" for n, metric in found.items())
        raise LotteryError(
            f"the searches show different metrics, {named}: name one that all of "
            "them have with monitor_metric."
        )
    return next(iter(found.values()), ACCURACY)


def chosen(names: Iterable[str], wanted: str | None = None) -> str | None:
    """The metric that a run's line names, of those that were computed.

    Args:
        names: of metrics, each with its data: "test_loss", "test_accuracy".
        wanted: the one that was asked for.

    Returns:
        By default accuracy; where there are several, the first; where there is none,
        the first metric that is no loss, or else the loss. None if nothing was
        computed on test or validation data.
    """
    found = _names(names)
    if wanted is not None:
        return wanted if wanted in found else _without_data(wanted)
    order = (
        [name for name in found if name in ("accuracy", "acc")],
        [name for name in found if is_accuracy(name)],
        [name for name in found if not name.endswith("loss")],
        found,
    )
    return next((choice[0] for choice in order if choice), None)


def check(wanted: Any, names: Sequence[str]) -> None:
    """Refuses a metric that a model does not compute.

    Args:
        wanted: with "test_" or "val_" before it or without.
        names: those that it computes, without.

    Raises:
        LotteryError: names those that it does.
    """
    if not isinstance(wanted, str) or not {wanted, _without_data(wanted)} & {*names}:
        raise LotteryError(
            f"monitor_metric={wanted!r} is no metric of the model: use one of "
            f"{', '.join(names)}."
        )


def labels(metric: Metric) -> dict[str, str]:
    """What figures and pages call what they show of the runs, with its unit.

    Returns:
        By name in `summaries.SHOWN`: "test accuracy at early stop (%)".
    """
    return {
        "early_stop_iteration": "early-stopping iteration",
        "early_stop_test_accuracy": f"{metric.said} at early stop{metric.unit}",
        "test_accuracy": f"{metric.said} after training{metric.unit}",
    }


def is_accuracy(name: str) -> bool:
    """Whether a metric is an accuracy, by its name; a head's loss is none."""
    name = name.lower()
    return bool(_ACCURACY.search(name)) and not _LOSS.search(name)


def grows(name: str) -> bool:
    """Whether more of a metric is better, by its name."""
    name = name.lower()
    return bool(_GROWING.search(name)) and not _LOSS.search(name)


def finite(values: Mapping[str, Any]) -> dict[str, float | None]:
    """The values with None for what is not a finite number, as files have them."""
    return {n: v if math.isfinite(v) else None for n, v in values.items()}


def _names(keys: Iterable[str]) -> list[str]:
    """The metrics without their data: those of test data, or of validation data."""
    keys = list(keys)
    for data in _DATA:
        found = [_without_data(key) for key in keys if key.startswith(f"{data}_")]
        if found:
            return found
    return []


def _without_data(key: str) -> str:
    data, _, name = key.partition("_")
    return name if data in _DATA else key
