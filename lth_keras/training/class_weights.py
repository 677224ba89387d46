"""`class_weight`: what it must be, and how it becomes weights of the examples."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.training import examples

_WANTED = "give a dict {class: weight} of classes 0, 1, ..., such as {0: 1.0, 1: 5.0}"


def checked(given: Any) -> dict[int, float] | None:
    """`class_weight` with plain integers as its keys.

    Raises:
        LotteryError: it is no dict of a number for each class from 0 on.
    """
    if given is None:
        return None
    if not isinstance(given, dict):
        raise LotteryError(f"class_weight is {examples.kind(given)}: {_WANTED}.")
    found = {}
    for key, weight in given.items():
        try:
            found[operator.index(key)] = weight
        except TypeError:
            raise LotteryError(
                f"class_weight has the class {key!r:.60}: {_WANTED}."
            ) from None
        if not _is_number(weight):
            raise LotteryError(
                f"class_weight gives class {key} the weight {weight!r:.60}: {_WANTED}."
            )
    if sorted(found) != list(range(len(found))):
        raise LotteryError(
            f"class_weight has the classes {str(sorted(found))[:100]}: {_WANTED}."
        )
    return found


def _is_number(weight: Any) -> bool:
    try:
        return not isinstance(weight, (str, bytes)) and math.isfinite(float(weight))
    except (TypeError, ValueError):
        return False


def check_labels(class_weight: dict[int, float] | None, name: str, y: Any) -> None:
    """Refuses labels that have no weight, at which training would stop midway.

    Args:
        class_weight: as in `model.fit`.
        name: what the data are, for the error.
        y: targets: labels, or one-hot or other scores along the last dimension.

    Raises:
        LotteryError: names the label.
    """
    if not class_weight or y is None:
        return
    if tf.nest.is_nested(y):
        raise LotteryError(
            f"class_weight goes with a single output, and {name} have targets for "
            "several: pass sample_weight."
        )
    if not examples.is_arrays(y) or not isinstance(y, (np.ndarray, tf.Tensor)):
        return
    labels = np.asarray(y)
    if labels.dtype.kind not in "biuf" or not labels.size:
        return
    if labels.ndim >= 2 and labels.shape[-1] > 1:
        labels = labels.argmax(axis=-1)
    low, high = round(float(labels.min())), round(float(labels.max()))
    if low < 0 or high >= len(class_weight):
        raise LotteryError(
            f"{name}: y has labels from {low} to {high}, and class_weight has the "
            f"classes 0 to {len(class_weight) - 1}: give a weight for each."
        )


def weighted(found: Any, class_weight: dict[int, float] | None) -> Any:
    """The batches with `class_weight` in their sample weights, as `fit` sees them.

    Raises:
        LotteryError: the classes are not numbered from 0 on.
    """
    if not class_weight:
        return found
    try:
        weigh = compat.weighting_by_class(class_weight)
        if isinstance(found, tf.data.Dataset):
            return found.map(weigh)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise LotteryError(f"class_weight={class_weight!r}: {reason}") from error
    return (weigh(*examples.tensors(tuple(batch))) for batch in found)
