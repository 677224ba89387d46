"""TensorBoard summaries by level: density per layer, accuracy, early stopping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.search.stopping import DISTANCE
from lth_keras.storage import paths

_SCALARS = (
    "density",
    "test_accuracy",
    "early_stop_test_accuracy",
    "early_stop_iteration",
    "validation_loss",
    "train_accuracy",
)


class LevelSummaries:
    """Writes scalars whose step is the level.

    Args:
        log_dir: TensorBoard's directory, local or gs://.

    Raises:
        LotteryError: the tensorboard package is not installed, or no directory can be
            there.
    """

    def __init__(self, log_dir: str):
        try:
            import tensorboard  # noqa: F401
        except ImportError:
            raise LotteryError(
                "log_dir needs the tensorboard package: pip install tensorboard."
            ) from None
        log_dir = paths.as_path(log_dir, "log_dir")
        paths.check_directory(log_dir, "log_dir")
        self._path = paths.join(log_dir, "lottery")

    def write(
        self,
        row: dict[str, Any],
        network: Network,
        curve: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Writes a level's result line and the density of each pruned weight.

        Args:
            row: the line.
            network: of the model.
            curve: of the level: where its mask was watched, the distance by iteration
                is written as a curve of its own.
        """
        with paths.errors_naming(self._path, "write"):
            self._write(row, network, curve or {})

    def _write(
        self,
        row: dict[str, Any],
        network: Network,
        curve: Mapping[str, Sequence[Any]],
    ) -> None:
        writer = tf.summary.create_file_writer(self._path)
        with writer.as_default(step=row["level"]):
            scalars = {name: row[name] for name in _SCALARS}
            # Of several heads, or of a regression, what has no place of its own.
            for name, value in {**row["metrics"], **scalars}.items():
                if value is not None:
                    tf.summary.scalar(name, value)
            for weight in network.pruned:
                tf.summary.scalar(
                    f"density/{weight.path}", float(np.mean(weight.read_mask()))
                )
            for step, value in zip(
                curve.get("iteration", ()), curve.get(DISTANCE, ()), strict=False
            ):
                if value is not None:
                    name = f"{DISTANCE}/level{row['level']:02d}"
                    tf.summary.scalar(name, value, step=step)
        writer.close()
