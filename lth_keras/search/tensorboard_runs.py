"""TensorBoard's HParams: a session for each run, by trial, level and control."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lth_keras.runs import summaries
from lth_keras.storage import paths

# What a session is found by, in the order of the columns.
_NAMES = ("trial", "level", "control", "density", "replicate", "seed")


def write(root: str, row: Mapping[str, Any], scalars: Mapping[str, Any]) -> None:
    """Writes a run's session: its parameters, and what was measured as scalars.

    Args:
        root: TensorBoard's directory.
        row: the result line.
        scalars: by name; None where one was not measured.
    """
    from tensorboard.plugins.hparams import api

    name = f"trial{summaries.trial_of(row)}-level{row['level']:02d}"
    if row["control"] != summaries.TICKET:
        label = re.sub(r"[^A-Za-z0-9_.=+-]", ",", summaries.label(row))
        name = f"{name}-{label}-r{row['replicate']}"
    place = paths.join(root, "runs", name)
    parameters = {key: row[key] for key in _NAMES if row.get(key) is not None}
    parameters |= {
        key: value if isinstance(value, (bool, int, float, str)) else str(value)
        for key, value in (row.get("parameters") or {}).items()
    }
    writer = tf.summary.create_file_writer(place)
    with writer.as_default(step=0):
        api.hparams(parameters, trial_id=name)
        for key, value in scalars.items():
            if value is not None:
                tf.summary.scalar(key, value)
    writer.close()
