"""The scores that a criterion gives weights, which are checked: it may be anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import criteria
from lth_keras.pruning.criteria.context import Context
from lth_keras.pruning.units import Arrays


class Values(NamedTuple):
    """What criteria read, one array per prunable weight tensor.

    Attributes:
        trained: the present weights.
        initial: the initial weights, or None where they were not captured.
        gradients: the mean gradients of the loss, or None where there are no data.
        paths: names of the tensors, for errors.
        context: what criteria of the whole network are given.
    """

    trained: Arrays
    initial: Arrays | None = None
    gradients: Arrays | None = None
    paths: Sequence[str] = ()
    context: Context | None = None


def of(criterion: str, values: Values, rng: np.random.Generator) -> list[np.ndarray]:
    """The scores of each weight tensor, in its shape; higher is kept.

    Args:
        criterion: its name.
        values: what it may read.
        rng: for a criterion that draws.

    Raises:
        LotteryError: the criterion needs what is not there, or returned scores of
            another shape.
    """
    function, needs, whole, _ = criteria.of(criterion)
    if "initial" in needs and values.initial is None:
        raise LotteryError(
            f"criterion={criterion!r} compares with the initial weights: pass what "
            "lth.capture(model) returned, lth.prune(model, start)."
        )
    missing = values.gradients is None
    if whole:
        missing = values.context is None or values.context.data is None
    if "gradients" in needs and missing:
        raise LotteryError(
            f"criterion={criterion!r} reads gradients: pass the data that they are of, "
            "lth.prune(model, data=(x, y))."
        )
    if whole:
        found: Any = function(values.context)
        if not isinstance(found, (list, tuple)) or len(found) != len(values.trained):
            raise LotteryError(
                f"criterion={criterion!r} returned {shown(found)}: return a list of "
                f"{len(values.trained)} arrays, the scores of each weight tensor."
            )
    else:
        initial = values.trained if values.initial is None else values.initial
        columns = [initial, values.trained, [rng] * len(initial)]
        if "gradients" in needs and values.gradients is not None:
            columns.append(values.gradients)
        found = [function(*given) for given in zip(*columns, strict=True)]
    for index, score in enumerate(found):
        _check_shape(criterion, score, index, values)
    return list(found)


def _check_shape(criterion: str, score: Any, index: int, values: Values) -> None:
    shape = values.trained[index].shape
    if np.shape(score) != shape:
        name = values.paths[index] if values.paths else f"weight {index}"
        raise LotteryError(
            f"criterion={criterion!r} returned scores of shape {np.shape(score)} for "
            f"{name} of shape {shape}: return one score a weight."
        )
