"""TensorBoard summaries: scalars by level, pictures of masks, sessions of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.runs.summaries import TICKET
from lth_keras.search import tensorboard_masks, tensorboard_runs
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
        self._root = log_dir
        self._path = paths.join(log_dir, "lottery")

    def write(
        self,
        row: dict[str, Any],
        network: Network,
        curve: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Writes a run: of a level also the density and pictures of each pruned weight.

        Args:
            row: the line.
            network: of the model, which holds what a level ended with.
            curve: of the level: where its mask was watched, the distance by iteration
                is written as a curve of its own.
        """
        with paths.errors_naming(self._root, "write"):
            tensorboard_runs.write(self._root, row, _scalars(row))
            if row["control"] != TICKET:
                return
            self._write(row, network, curve or {})
            writer = tf.summary.create_file_writer(paths.join(self._root, "masks"))
            with writer.as_default():
                tensorboard_masks.write(network, row["level"])
            writer.close()

    def _write(
        self,
        row: dict[str, Any],
        network: Network,
        curve: Mapping[str, Sequence[Any]],
    ) -> None:
        writer = tf.summary.create_file_writer(self._path)
        with writer.as_default(step=row["level"]):
            for name, value in _scalars(row).items():
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


def _scalars(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured of a run, with all metrics of several heads by name."""
    return {**row["metrics"], **{name: row[name] for name in _SCALARS}}
