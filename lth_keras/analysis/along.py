"""The error along the line between two networks, evaluated by steps compiled once.

    along = Along.of(search, examples=10_000)
    curves = along(search.network, first, second, alphas)       # arrays of weights

What it takes of a model is kept for as long as the search trains by one feed: test
steps, batches on the device, and the pass that recalibrates statistics.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.analysis import first_layer, networks
from lth_keras.analysis.first_layer import Between
from lth_keras.analysis.keras3_statistics import Keras3Recalibration
from lth_keras.analysis.statistics import Recalibration, normalisations
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.runs import shown_metric
from lth_keras.runs.lines import INTERPOLATED, RECALIBRATED, Curves
from lth_keras.search.search import LotterySearch
from lth_keras.training import evaluators_of
from lth_keras.training.evaluation import Evaluator
from lth_keras.training.feeds import Feed
from lth_keras.training.plan import Plan

# Batches of training data that statistics are recalibrated on.
BATCHES = 20

_KEPT: weakref.WeakKeyDictionary[Feed, dict[int | None, Along]] = (
    weakref.WeakKeyDictionary()
)


class Along:
    """f(network, first, second, alphas) -> errors and losses along a line.

    Args:
        search: with its model and plan.
        examples: the most of test and of training data that errors are of, the first
            ones; None for all.

    Attributes:
        evaluators: by data: "test", "val" where there are no test data, "train".
    """

    def __init__(self, search: LotterySearch, examples: int | None):
        plan = ready(search)
        # Neither search nor feed is held, by which the last use of them is told.
        self._wanted = plan.monitor_metric
        found = {name: e for name, e in plan.evaluators.items() if name == "test"}
        found = found or dict(plan.evaluators)
        if (train := _of_training(search.trainable_model(), plan)) is not None:
            found["train"] = train
        if not found:
            raise LotteryError(
                "there are no data to measure errors on: give search.fit test_data, "
                "validation_data or train_data."
            )
        self.evaluators = {name: e.limited(examples) for name, e in found.items()}
        self.examples = {
            name: examples if e.examples is None else e.examples
            for name, e in self.evaluators.items()
        }
        chain = first_layer.chain_of(search.trainable_model())
        self._between = {
            name: Between(chain, evaluator)
            for name, evaluator in self.evaluators.items()
            if chain is not None and Between.takes(chain, evaluator)
        }
        self._recalibrate = _recalibration(search, plan)
        self.metric = "loss"

    @classmethod
    def of(cls, search: LotterySearch, examples: int | None) -> Along:
        """The one of a search, made once.

        Raises:
            LotteryError: the search is not ready, or has no data to measure errors on.
        """
        kept = _KEPT.setdefault(ready(search).feed, {})
        if examples not in kept:
            kept[examples] = cls(search, examples)
        return kept[examples]

    def __call__(
        self,
        network: Network,
        first: Sequence[np.ndarray],
        second: Sequence[np.ndarray],
        alphas: Iterable[float],
    ) -> Curves:
        """Errors by treatment of the statistics and column; see `runs.lines.Line`.

        The model holds weights of the line then: whoever calls sets it back.

        Args:
            network: of the model of the search.
            first: weights at alpha = 0, in the order of the network.
            second: weights at alpha = 1.
            alphas: places on the line.
        """
        treatments = [INTERPOLATED]
        if self._recalibrate is not None:
            treatments.append(RECALIBRATED)
        curves: Curves = {name: {} for name in treatments}
        networks.write(network, first)
        for each in self._between.values():
            each.begin(network, first, second)
        for alpha in alphas:
            networks.assign(network, between(first, second, alpha))
            for name in treatments:
                if name == RECALIBRATED and self._recalibrate is not None:
                    self._recalibrate()
                for column, value in self._measured(alpha).items():
                    curves[name].setdefault(column, []).append(value)
        # A loss may overflow half-way; the errors say all the same.
        return {
            name: {k: v for k, v in columns.items() if all(map(math.isfinite, v))}
            for name, columns in curves.items()
        }

    def _measured(self, alpha: float) -> dict[str, float]:
        found: dict[str, float] = {}
        for data, evaluator in self.evaluators.items():
            sooner = self._between.get(data)
            metrics = evaluator() if sooner is None else sooner(alpha)
            self.metric = _metric(metrics, self._wanted)
            value = metrics[self.metric]
            error = value if self.metric == "loss" else 1.0 - value
            found |= {f"{data}_error": error, f"{data}_loss": metrics["loss"]}
        return found


def between(
    first: Sequence[np.ndarray], second: Sequence[np.ndarray], alpha: float
) -> list[np.ndarray]:
    """(1 - alpha) first + alpha second, of each weight; the ends bit for bit.

    Of what is no number in floating point, such as counters, the nearer end.
    """
    if alpha in (0.0, 1.0):
        return list(second if alpha else first)
    found = []
    for a, b in zip(first, second, strict=True):
        if np.issubdtype(a.dtype, np.floating):
            size = a.dtype.type(alpha)
            found.append((a.dtype.type(1) - size) * a + size * b)
        else:
            found.append(a if alpha < 0.5 else b)
    return found


def ready(search: LotterySearch) -> Plan:
    """The plan of a search that is ready.

    Raises:
        LotteryError: it is not.
    """
    if search.plan is None or search.model is None:
        raise LotteryError(
            "errors are measured on the data of the search: call search.fit with its "
            "arguments first (finished levels are not trained again)."
        )
    return search.plan


def _of_training(model: Any, plan: Plan) -> Evaluator | None:
    """What evaluates training data: those that were given for it, or the arrays."""
    if plan.train_evaluator is not None:
        return plan.train_evaluator
    arrays = plan.feed.arrays
    if not isinstance(arrays, tuple) or len(arrays) < 2:
        return None
    return evaluators_of.evaluator_of(model, arrays)


def _recalibration(search: LotterySearch, plan: Plan) -> Callable[[], None] | None:
    model = search.trainable_model()
    if not normalisations(model):
        return None
    try:
        read = plan.feed.sample(0, BATCHES, search.seed)
        module = compat.trainer_of(model).keras
        batches = [module.utils.unpack_x_y_sample_weight(batch)[0] for batch in read]
    except LotteryError:
        return None  # Data that cannot begin again are left to the training.
    kind = Keras3Recalibration if compat.is_keras3(model) else Recalibration
    return kind(model, batches) if batches else None


def _metric(metrics: dict[str, float], wanted: str | None) -> str:
    """The accuracy whose errors are counted, or the loss of a network without any."""
    names = [f"test_{name}" for name in metrics]
    for choice in (shown_metric.chosen(names, wanted), shown_metric.chosen(names)):
        if (
            choice is not None
            and choice in metrics
            and shown_metric.is_accuracy(choice)
        ):
            return choice
    return "loss"
