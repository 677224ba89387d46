"""How a search trains: the same plan for every level and every control.

`make` turns the arguments of `LotterySearch.fit` into one, and checks them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import TF_KERAS, Trainer
from lth_keras.errors import LotteryError
from lth_keras.masking import host
from lth_keras.masking.network import Network
from lth_keras.runs import shown_metric
from lth_keras.storage import paths
from lth_keras.training import (
    arguments,
    callables,
    checks,
    class_weights,
    evaluators_of,
    examples,
)
from lth_keras.training.evaluation import Evaluator
from lth_keras.training.evaluation_batches import BatchRule
from lth_keras.training.feeds import Feed
from lth_keras.training.progress import Progress

UserCallbacks = Any  # a list of Keras callbacks, or f(level) -> such a list

# The callbacks of Keras that carry state from one fit into the next.
_STATEFUL = ("ModelCheckpoint", "EarlyStopping", "ReduceLROnPlateau")


class Length(NamedTuple):
    """How long a level is trained.

    Attributes:
        epochs: of a whole run from step 0.
        steps: training steps of each.
    """

    epochs: int
    steps: int | None


@dataclasses.dataclass
class Plan:
    """How a model is trained, the same for every level and control but for its length.

    Attributes:
        feed: the training data.
        epochs: epochs of a whole run from step 0.
        first_epoch: epoch that a run from step 0 begins with.
        evaluators: {"val": ..., "test": ...}, whichever there are.
        train_evaluator: for the training accuracy at the end, or None.
        evaluate_every: iterations between evaluations, None for once an epoch.
        monitor: column of the curve that finds the early-stopping iteration, or
            None without validation.
        seed: seed of the search.
        trial: number of the trial, for the result line.
        callbacks: the user's callbacks.
        fit_arguments: everything else for `model.fit`.
        data: what the data are, as far as a resumed search can tell.
        after: training steps that count as done before a run begins: the learning
            rate stays that of the last of them, and the numbers of the epochs go on
            from there; whole epochs.
        monitor_metric: the metric of tables and figures, or None for the default.
        rate_factor: what the learning rate is multiplied by.
        lengths: of each level, where they differ; `of` has the plan of one.
        also: f(iteration) -> further columns of the curve, asked at each evaluation;
            it may set the model's `stop_training`.
        dense_share: the share of the kernel entries that are on no mask without being
            asked; P_m is of the others.
        trainer: the Keras that trains.
        progress: the bar of the whole search, in the place of Keras's by epoch.
    """

    feed: Feed
    epochs: int
    first_epoch: int
    evaluators: dict[str, Evaluator]
    train_evaluator: Evaluator | None
    evaluate_every: int | None
    monitor: str | None
    seed: int
    trial: int
    callbacks: UserCallbacks
    fit_arguments: dict[str, Any]
    data: dict[str, Any]
    after: int = 0
    monitor_metric: str | None = None
    rate_factor: float = 1.0
    lengths: tuple[Length, ...] = ()
    also: Callable[[int], dict[str, float]] | None = None
    dense_share: float = 0.0
    trainer: Trainer = TF_KERAS
    progress: Progress | None = None
    _pristine: list[tuple[Any, dict[str, Any]]] = dataclasses.field(
        default_factory=list
    )

    @property
    def iterations(self) -> int | None:
        """Training steps of a whole run, None where only `fit` knows."""
        steps = self.feed.steps_per_epoch
        return None if steps is None else steps * (self.epochs - self.first_epoch)

    @property
    def shortest(self) -> int | None:
        """Training steps of the shortest level, None where only `fit` knows."""
        plans = [self.of(level) for level in range(len(self.lengths))] or [self]
        known = [plan.iterations for plan in plans if plan.iterations is not None]
        return min(known, default=None)

    def of(self, level: int) -> Plan:
        """The plan of a level."""
        if not self.lengths:
            return self
        epochs, steps = self.lengths[level]
        feed = self.feed.of_steps(steps)
        return dataclasses.replace(self, epochs=epochs, feed=feed, lengths=())

    @property
    def told(self) -> dict[str, Any]:
        """What result lines and search.json say of what is left out, if anything is.

        And of the Keras that trains, where it is Keras 3.
        """
        left_out = {"dense_share": self.dense_share} if self.dense_share else {}
        return {**left_out, **self.trainer.told}

    def callbacks_of(self, level: int) -> list[Any]:
        """The user's callbacks for a level, as they were before the search.

        What a killed process left for a BackupAndRestore is removed: it is of the
        middle of some level, and a level is trained again from its start.
        """
        found = self._given(level)
        for callback in found:
            backup = getattr(callback, "backup_dir", None)
            if backup and isinstance(callback, self._classes("BackupAndRestore")):
                paths.remove_directory(backup)
        return found

    def _given(self, level: int) -> list[Any]:
        if callables.is_callback_function(self.callbacks):
            return callables.callback_list(self.callbacks(level), self.trainer)
        found = callables.callback_list(self.callbacks, self.trainer)
        if not self._pristine:
            stateful = self._classes(*_STATEFUL)
            self._pristine = [
                (c, dict(vars(c))) for c in found if isinstance(c, stateful)
            ]
        for callback, attributes in self._pristine:
            vars(callback).clear()
            vars(callback).update(attributes)
        return found

    def _classes(self, *names: str) -> tuple[type, ...]:
        return tuple(getattr(self.trainer.keras.callbacks, name) for name in names)


def make(
    model: Any,
    *,
    monitor: str,
    seed: int,
    trial: int,
    monitor_metric: str | None = None,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    callbacks: UserCallbacks = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    test_data: Any = None,
    train_data: Any = None,
    evaluate_every: int | None = None,
    **fit_arguments: Any,
) -> Plan:
    """The plan that `LotterySearch.fit`'s arguments ask for; builds the model.

    Args:
        model: the wrapped, compiled model.
        fit_arguments: everything for `model.fit` that is not named here.

    The others are `LotterySearch.fit`'s and `LotterySearch`'s own.

    Raises:
        LotteryError: an argument is out of range, or the data do not fit.
    """
    trainer = compat.trainer_of(model)
    arguments.check_passed_on(fit_arguments, trainer)
    arguments.check_counts(
        epochs, initial_epoch, batch_size, steps_per_epoch, evaluate_every
    )
    arguments.check_shuffle(shuffle)
    callables.check_callbacks(callbacks, trainer)
    weights = class_weights.checked(fit_arguments.get("class_weight"))
    passed_on = {**trainer.shuffles(shuffle), **fit_arguments}
    if weights is not None:
        passed_on["class_weight"] = weights
    if arguments.is_split(validation_split):
        x, y, sample_weight, validation_data = arguments.split(
            x, y, sample_weight, validation_data, validation_split
        )
    feed = Feed(
        x,
        y,
        sample_weight,
        batch_size,
        steps_per_epoch,
        shuffle,
        seed,
        trainer.fixed_batch_size(model),
        trainer,
    )
    if weights is not None:
        feed = feed.by_tensorflow()  # Keras 3 takes no class_weight with generators.
    first = feed.first_batch() if model.train_function is None else None
    if not trainer.is_built(model) and first is not None:
        model(trainer.keras.utils.unpack_x_y_sample_weight(first)[0], training=False)
    Network.of(model).require_masks()
    trainer.check_devices(model, lambda: feed.dataset(0))
    _check_training(model, feed, first, weights)
    if monitor_metric is not None:
        shown_metric.check(monitor_metric, list(model.get_metrics_result()))
    validation_data, test_data, train_data = (
        examples.taken_together(name, data)
        for name, data in (
            ("validation_data", validation_data),
            ("test_data", test_data),
            ("train_data", train_data),
        )
    )
    rule = BatchRule(model, batch_size, passed_on.get("validation_batch_size"))
    step = evaluators_of.step_of(model)

    def evaluator(data: Any, name: str) -> Evaluator:
        return _evaluator(model, data, name, rule, step)

    evaluators = {}
    if not _evaluated_here(validation_data, fit_arguments, trainer):
        passed_on["validation_data"] = validation_data
    elif validation_data is not None:
        evaluators["val"] = evaluator(validation_data, "validation_data")
    if test_data is not None:
        evaluators["test"] = evaluator(test_data, "test_data")
    return Plan(
        feed=feed,
        epochs=epochs,
        first_epoch=initial_epoch,
        evaluators=evaluators,
        train_evaluator=None
        if train_data is None
        else evaluator(train_data, "train_data"),
        evaluate_every=evaluate_every,
        monitor=None if validation_data is None else monitor,
        seed=seed,
        trial=trial,
        callbacks=callbacks,
        fit_arguments=passed_on,
        data={
            "validation_data": examples.describe(validation_data),
            "test_data": examples.describe(test_data),
            "train_data": examples.describe(train_data),
        },
        monitor_metric=monitor_metric,
        # Of a Keras 3 model nobody says yet which weights were not asked for.
        dense_share=host.of(model).dense_share(model),
        trainer=trainer,
    )


def _check_training(
    model: Any, feed: Feed, first: Any, weights: dict[int, float] | None
) -> None:
    """Refuses training data that do not fit: all of arrays, a batch of others."""
    name = "the training data"
    found = first if feed.arrays is None else feed.arrays
    if found is not None:
        unpack = compat.trainer_of(model).keras.utils.unpack_x_y_sample_weight
        x, y, _ = unpack(found)
        checks.check_kinds(model, name, x, y)
        checks.check_data(model, name, x, y)
        class_weights.check_labels(weights, name, y)
    if first is not None:
        checks.try_batch(model, first)


def _evaluated_here(data: Any, fit_arguments: dict[str, Any], trainer: Trainer) -> bool:
    """Whether an `Evaluator` takes the validation data; Keras does otherwise."""
    others = set(fit_arguments) - {"validation_batch_size"}
    if any(name.startswith("validation_") for name in others):
        return False
    return not isinstance(data, (trainer.keras.utils.Sequence, Iterator))


def _evaluator(
    model: Any, data: Any, name: str, rule: BatchRule, step: Any
) -> Evaluator:
    if not compat.trainer_of(model).can_test(model):
        raise LotteryError(
            f"{name}: {type(model).__qualname__} has no call and no test_step, so "
            "nothing can be evaluated: write a test_step, or leave the data out."
        )
    try:
        evaluator = evaluators_of.evaluator_of(model, data, rule, step)
    except LotteryError as error:
        raise LotteryError(f"{name}: {error}") from None
    spec = data.element_spec if isinstance(data, tf.data.Dataset) else data
    if isinstance(spec, tuple) and len(spec) > 1:
        checks.check_kinds(model, name, *spec[:2])
    if spec is data and not examples.is_array(data):
        checks.check_data(model, name, *data[:2])
    return evaluator
