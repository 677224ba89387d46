"""The scores that a criterion gives weights, which are checked: it may be anybody's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lth_keras.errors import LotteryError, shown
from lth_keras.pruning import criteria
from lth_keras.pruning.criteria.context import Context
from lth_keras.pruning.pieces import Pieces
from lth_keras.pruning.units import Arrays

Scores = Sequence[np.ndarray | Pieces]


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


class OneByOne(Sequence[np.ndarray]):
    """The scores of each weight tensor, computed when they are asked for, each once.

    In the order of the tensors in any case, which is that of what criteria draw.

    Args:
        made: what computes them, in order.
        count: of how many tensors.
    """

    def __init__(self, made: Iterator[np.ndarray], count: int):
        self._made, self._count, self._taken = made, count, 0
        self._early: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._count:
            raise IndexError(index)
        while self._taken <= index:
            self._early[self._taken] = next(self._made)
            self._taken += 1
        return self._early.pop(index)


def of(criterion: str, values: Values, rng: np.random.Generator) -> Scores:
    """The scores of each weight tensor, in its shape; higher is kept.

    Of criteria that see tensors one by one each is computed when it is asked for, once;
    of those that see entries one by one whenever some of it are looked at.

    Args:
        criterion: its name.
        values: what it may read.
        rng: for a criterion that draws.

    Raises:
        LotteryError: the criterion needs what is not there, or returned scores of
            another shape; the latter when they are asked for.
    """
    known = criteria.of(criterion)
    function, needs, whole = known.function, known.needs, known.whole
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
    if not whole:
        gradients = values.gradients if "gradients" in needs else None
        if known.elementwise:
            return [
                _pieces(criterion, function, values, rng, index)
                for index in range(len(values.trained))
            ]
        made = _each(criterion, function, values, rng, gradients)
        return OneByOne(made, len(values.trained))
    found: Any = function(values.context)
    if not isinstance(found, (list, tuple)) or len(found) != len(values.trained):
        raise LotteryError(
            f"criterion={criterion!r} returned {shown(found)}: return a list of "
            f"{len(values.trained)} arrays, the scores of each weight tensor."
        )
    for index, score in enumerate(found):
        _check_shape(criterion, score, values.trained[index].shape, index, values)
    return list(found)


def _each(
    criterion: str,
    function: Callable[..., Any],
    values: Values,
    rng: np.random.Generator,
    gradients: Arrays | None,
) -> Iterator[np.ndarray]:
    for index in range(len(values.trained)):
        trained = values.trained[index]
        initial = trained if values.initial is None else values.initial[index]
        given = [initial, trained, rng]
        if gradients is not None:
            given.append(gradients[index])
        score = function(*given)
        _check_shape(criterion, score, trained.shape, index, values)
        yield score


def _pieces(
    criterion: str,
    function: Callable[..., Any],
    values: Values,
    rng: np.random.Generator,
    index: int,
) -> Pieces:
    """The scores of a tensor by a criterion that scores each entry by itself."""

    def read() -> list[np.ndarray]:
        trained = values.trained[index]
        # In this order, for it is the trained ones whose shape the scores have.
        return [trained, trained if values.initial is None else values.initial[index]]

    def score(trained: np.ndarray, initial: np.ndarray) -> np.ndarray:
        found = function(initial, trained, rng)
        _check_shape(criterion, found, trained.shape, index, values)
        return np.asarray(found)

    return Pieces(score, read)


def _check_shape(
    criterion: str, score: Any, shape: tuple[int, ...], index: int, values: Values
) -> None:
    if np.shape(score) != shape:
        name = values.paths[index] if values.paths else f"weight {index}"
        raise LotteryError(
            f"criterion={criterion!r} returned scores of shape {np.shape(score)} for "
            f"{name} of shape {shape}: return one score a weight."
        )
