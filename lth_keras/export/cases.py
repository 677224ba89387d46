"""What is an export asked for before it is called done? Inputs, outputs, tolerance.

    case = Case({"pixels": x}, {"logits": model(x)})
    Written("saved_model", temporary, path, (case,), tolerance=1e-4)

Nothing here is run: `verification.verify` takes these and says what it found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

FORMATS = ("saved_model", "tflite", "keras")


@dataclasses.dataclass(frozen=True)
class Case:
    """What an export must compute.

    Attributes:
        inputs: arrays by the signature's input names, in the order of the model's
            inputs; the first axis of each is the batch.
        outputs: expected arrays by output name; numbers, or str objects.
        signature: the signature (SavedModel, TFLite) that is called.
    """

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    signature: str = "serving_default"


@dataclasses.dataclass(frozen=True)
class Written:
    """An export that lies in a temporary place and is to be verified.

    Attributes:
        format: one of `FORMATS`.
        path: where it lies now.
        name: the path that the user asked for; stands in messages.
        cases: what it must compute; latency is measured with the first.
        tolerance: how far an output may be off: its largest absolute difference
            divided by its largest expected absolute value, beyond rounding.
        dense: path of the same network, dense, in the same format, whose latency is
            measured in turn with the export's; None for no latencies.
        free_batch: whether batches of any size are taken.
        remedy: what to do should it compute something else, as "export ..."; stands in
            messages.
    """

    format: str
    path: str
    name: str
    cases: tuple[Case, ...]
    tolerance: float
    dense: str | None = None
    free_batch: bool = True
    remedy: str = "export another format"
