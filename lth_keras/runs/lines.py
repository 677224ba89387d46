"""The error along the line between two trained networks, as it is stored.

    line = lines.read(directory)
    line.instability("test"), line.curves["recalibrated"]["test_error"]

An error is a fraction of wrong examples, or the loss where a network has no accuracy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.runs import repair
from lth_keras.storage import fields, files, paths

# What becomes of the moving statistics of BatchNormalization along the line.
INTERPOLATED, RECALIBRATED = "interpolated", "recalibrated"
STATISTICS = (INTERPOLATED, RECALIBRATED)

Curves = dict[str, dict[str, list[float]]]


@dataclasses.dataclass(frozen=True)
class Line:
    """The error along the line between two trained networks.

    Attributes:
        alphas: places on the line, from 0, the first network, to 1, the second.
        curves: by treatment of the statistics, in `STATISTICS`, and then by column:
            "test_error", "test_loss", "train_error", ... at each alpha. A network
            without such statistics has "interpolated" alone.
        metric: what is an error: 1 minus this accuracy, or this loss.
        examples: by data ("test", "train"), of how many examples the errors are at
            most; without those of a Dataset that all were read of.
        about: whose line it is.
    """

    alphas: list[float]
    curves: Curves
    metric: str
    examples: dict[str, int]
    about: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_accuracy(self) -> bool:
        """Whether an error is a share of wrong examples."""
        return self.metric != "loss"

    @property
    def statistics(self) -> str:
        """The treatment that is meant where none is named."""
        return RECALIBRATED if RECALIBRATED in self.curves else INTERPOLATED

    @property
    def data(self) -> str:
        """On which data the errors are: "test", or "val" or "train" without any."""
        known = [name for name in ("test", "val", "train") if self.errors(name)]
        return known[0] if known else "test"

    def errors(
        self, data: str = "test", statistics: str | None = None
    ) -> list[float] | None:
        """The error at each alpha; None where it was not measured.

        Args:
            data: "test", "val" or "train".
            statistics: "interpolated" or "recalibrated"; recalibrated by default, if
                the network has any.
        """
        return self.curves.get(statistics or self.statistics, {}).get(f"{data}_error")

    def instability(
        self, data: str = "test", statistics: str | None = None
    ) -> float | None:
        """How far the line rises: the largest error minus the mean of the two ends.

        1912.05671, section 2. In percentage points; of a loss, in its own unit. None
        where it was not measured.

        Args:
            data: as of `errors`.
            statistics: as of `errors`.
        """
        found = self.errors(data, statistics)
        return None if found is None else rise(found, self.is_accuracy)


def rise(errors: Sequence[float], is_accuracy: bool = True) -> float:
    """The largest error of a line minus the mean of its two ends; see `Line`."""
    values = np.asarray(errors, np.float64)
    scale = 100.0 if is_accuracy else 1.0
    return float(scale * (values.max() - (values[0] + values[-1]) / 2))


def file_of(directory: str) -> str:
    """JSON file of a line; its presence says that it is measured."""
    return paths.join(directory, "line.json")


def write(directory: str, line: Line) -> None:
    """Stores a line atomically."""
    files.write_json(file_of(directory), dataclasses.asdict(line))


def read(directory: str) -> Line:
    """A stored line.

    Raises:
        LotteryError: it is missing or damaged.
    """
    path = file_of(directory)
    with repair.advised(directory):
        record = fields.Record(files.read_json(path), path)
        alphas, curves = _numbers(record.list("alphas"), path), record.object("curves")
        found: Curves = {}
        for name in STATISTICS:
            if name not in curves:
                continue
            columns = fields.Record(curves[name], f"{path}: {name}").values
            found[name] = {key: _numbers(v, path) for key, v in columns.items()}
            if any(len(column) != len(alphas) for column in found[name].values()):
                raise LotteryError(f"{path} has not {len(alphas)} numbers for an error")
        if len(alphas) < 2 or INTERPOLATED not in found:
            raise LotteryError(f"{path} holds no line between two networks")
        examples = record.object("examples")
        return Line(
            alphas,
            found,
            str(record.present("metric").values["metric"]),
            {name: _whole(examples, name, path) for name in examples},
            record.object("about", optional=True),
        )


def _whole(values: Mapping[str, Any], name: str, path: str) -> int:
    return fields.Record(dict(values), path).whole(name)


def _numbers(values: Any, path: str) -> list[float]:
    if not isinstance(values, list) or not all(map(fields.is_number, values)):
        raise LotteryError(f"{path} has errors that are no numbers")
    return [float(value) for value in values]
