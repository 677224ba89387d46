"""One training run: from a ticket to trained weights, a curve and a result line.

Every level of a search and every control is one of these. Its files appear whole, the
result line last: a run whose result is stored is finished.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lth_keras import compat, errors
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import acts, paths, slots, starts
from lth_keras.masking.network import Network
from lth_keras.runs import rows
from lth_keras.runs import trained as trained_files
from lth_keras.runs.layout import LevelDirectory
from lth_keras.runs.rows import Run
from lth_keras.storage import files
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import bars, capturing, evaluating
from lth_keras.training.counting import level_seed
from lth_keras.training.learning_rates import last_rate, scaled_rate
from lth_keras.training.plan import Plan
from lth_keras.training.steps import Project, RequireComplete, StartAt, StopOnNaN


def carry_out(
    network: Network,
    ticket: Ticket,
    plan: Plan,
    run: Run,
    directory: LevelDirectory,
    fresh_optimizer: bool = False,
    capture_at: int | None = None,
    settle: Callable[[], Ticket] | None = None,
) -> dict[str, Any]:
    """Trains a model from `ticket` and stores what came of it.

    Args:
        network: of the wrapped, compiled model; its weights, masks and optimizer are
            set from the ticket first.
        ticket: where to start, at training step `ticket.step`.
        plan: how to train.
        run: which run it is.
        directory: where its files go; the ticket is written there by the caller.
        fresh_optimizer: whether the ticket's optimizer state is the one before the
            first step although the weights are of a later one.
        capture_at: training step whose state is stored as the rewind point.
        settle: for a run that finds a mask: called when it has ended, it stores what
            was found as the run's ticket, and returns it.

    Returns:
        The result line, as stored.

    Raises:
        DivergedError: the loss or a weight became NaN; no result is stored.
        LotteryError: something wrote pruned weights while training, the data ended
            early, or training stopped before `capture_at`.
    """
    capture = None
    if capture_at:

        def store(captured: starts.Start) -> None:
            rewind = Ticket.of(network, captured, level=0, seed=plan.seed)
            rewind.save(directory.rewind, overwrite=True)

        capture = capturing.CaptureAt(capture_at, store, network=network)
    _begin(network, ticket, run, fresh_optimizer)
    on_paths = paths.density(network)
    test = plan.evaluators.get("test")
    untrained = {} if test is None else {f"test_{n}": v for n, v in test().items()}
    began = time.perf_counter()
    try:
        with (
            last_rate(network.model, plan.after),
            scaled_rate(network.model, plan.rate_factor),
        ):
            fitted = _fit(network, ticket, plan, run, capture)
        network.require_complete()
        acts.verify(network)
        trained = _named_weights(network, directory)
        if settle is not None:
            ticket = settle()
            on_paths = paths.density(network, [mask for _, mask in ticket.pruned()])
            values = (weight.value for weight in ticket.weights)
            trained = dict(zip(trained, values, strict=True))
        _check_numbers(trained, fitted.iterations)
    except errors.DivergedError as error:
        raise errors.DivergedError(
            f"trial {plan.trial}, level {run.level} ({run.control}): {error} The "
            "levels before are stored."
        ) from None
    row = {
        "trial": plan.trial,
        "level": run.level,
        "control": run.control,
        "replicate": run.replicate,
        "parameters": run.parameters,
        "density": ticket.density,
        "effective_density": on_paths,
        **plan.told,
        "iterations": fitted.iterations,
        **rows.measures(
            fitted.curve,
            fitted.final,
            fitted.epochs,
            plan.monitor,
            plan.monitor_metric,
        ),
        **rows.untrained(untrained, plan.monitor_metric),
        "seconds": round(time.perf_counter() - began, 3),
        "seed": plan.seed,
    }
    kept = {
        name: weight.mask
        for name, weight in zip(trained, ticket.weights, strict=True)
        if weight.mask is not None
    }
    trained_files.write(directory, trained, kept)
    files.write_json(
        directory.curve,
        {"curve": fitted.curve, "final": fitted.final, "epochs": fitted.epochs},
    )
    files.write_json(directory.result, row)
    return row


def replay(network: Network, ticket: Ticket, plan: Plan, run: Run, step: int) -> Ticket:
    """Trains a run again up to a step, and stores nothing.

    Args:
        network: of the wrapped, compiled model.
        ticket: where the run started.
        plan: how it trained. Its evaluations leave no trace, and are left out where
            no callback could read them.
        run: which run it was.
        step: training steps from its start, at least 1.

    Returns:
        The ticket of that step: weights, mask and optimizer state.

    Raises:
        LotteryError: training passes over that step, or ends before it.
    """
    found: list[starts.Start] = []
    plan = dataclasses.replace(plan, train_evaluator=None)
    if not plan.callbacks_of(run.level):
        plan = dataclasses.replace(plan, evaluators={}, monitor=None)
    _begin(network, ticket, run)
    capture = capturing.CaptureAt(step, found.append, stop=True, network=network)
    _fit(network, ticket, plan, run, capture)
    return Ticket.of(network, found[0], level=run.level, seed=plan.seed)


def _begin(
    network: Network, ticket: Ticket, run: Run, fresh_optimizer: bool = False
) -> None:
    """Sets the model, and its random layers, to the start of a run."""
    load(network, ticket, fresh_optimizer)
    if network.model.stateful:
        # The states of recurrent layers are no weights: a ticket has none.
        network.model.reset_states()
    compat.reset_generators(network.model, level_seed(run.data_seed, run.level))


def load(network: Network, ticket: Ticket, fresh_optimizer: bool = False) -> None:
    """Sets weights, masks and optimizer of a model to a ticket's."""
    if ticket.optimizer is None or not network.optimizers:
        ticket.apply(network)
        return
    ticket.write_to(network)
    slots.restore(network, ticket.optimizer)
    if fresh_optimizer:
        slots.reset_iterations(network, ticket.step)


def load_trained(network: Network, directory: LevelDirectory) -> None:
    """Sets a model's weights to those that a finished run ended with."""
    values = trained_files.read(directory)
    weights = network.weights
    if len(values) != len(weights):
        raise LotteryError(
            f"{directory.trained_weights} holds {len(values)} weights, the model "
            f"{len(weights)}: use the model of the search."
        )
    for weight, value in zip(
        weights, in_order(network, directory, list(values.values())), strict=True
    ):
        if weight.shape != value.shape:
            raise LotteryError(
                f"{directory.trained_weights} has shape {value.shape} for "
                f"{weight.path} of shape {weight.shape}: use the model of the search."
            )
        weight.write(value)


def in_order(
    network: Network, directory: LevelDirectory, values: list[np.ndarray]
) -> list[np.ndarray]:
    """What a run ended with, stored as its ticket lists it, in the network's order."""
    if network.keras_order == list(range(len(values))):
        return values  # No older list can differ.
    listed = Ticket.load(directory.ticket).weights
    return [values[index] for index in network.places(listed)]


def _named_weights(
    network: Network, directory: LevelDirectory
) -> dict[str, np.ndarray]:
    """The weights by name, as the run's ticket lists them."""
    listed = list(network.weights)
    if network.keras_order != list(range(len(listed))):
        # The ticket may be of before there was an order of ours.
        stored = Ticket.load(directory.ticket).weights
        for place, weight in zip(network.places(stored), network.weights, strict=True):
            listed[place] = weight
    return {f"{i:04d}/{w.path}": w.read() for i, w in enumerate(listed)}


def _check_numbers(trained: dict[str, np.ndarray], iterations: int) -> None:
    """The loss of a step does not show what the step itself did to the weights."""
    for name, value in trained.items():
        # A sum is NaN if an entry is, and takes no memory.
        if value.dtype.kind not in "biu" and np.isnan(np.sum(value)):
            if np.isnan(value).any():
                raise errors.DivergedError(
                    f"{name.split('/', 1)[1]} is NaN after iteration {iterations}: "
                    "lower the learning rate, or look for NaN in the data."
                )


@dataclasses.dataclass(frozen=True)
class _Fitted:
    """What a `fit` came to: the curve, the last metrics, Keras's history, the step."""

    curve: dict[str, list[float]]
    final: dict[str, float]
    epochs: dict[str, list[float]]
    iterations: int


def _fit(
    network: Network,
    ticket: Ticket,
    plan: Plan,
    run: Run,
    capture: capturing.CaptureAt | None,
) -> _Fitted:
    model, steps, start = network.model, plan.feed.steps_per_epoch, ticket.step
    epoch, step = divmod(start, steps or 1)
    # Callbacks that set the learning rate by the epoch see that it is a late one.
    later = plan.after // steps if steps else 0
    epoch += plan.first_epoch + later
    users = plan.callbacks_of(run.level)
    evaluate = evaluating.Evaluate(
        plan.evaluators,
        plan.evaluate_every,
        start=start,
        first_batch=step,
        monitor=plan.monitor,
        also=plan.also,
    )
    # Ours stand around the user's: evaluation first, so that they see its metrics.
    every = [evaluate, *users]
    if users:
        every.append(Project(network))
    if step:
        every.append(StartAt(epoch, step))
    if capture is not None:
        every.append(capture)
    every.append(StopOnNaN(start=start, first_batch=step))
    if not compat.is_functional(model):
        every.append(RequireComplete(network))
    arguments = dict(plan.fit_arguments)
    if plan.progress is not None:
        every += plan.progress.callbacks()
        arguments["verbose"] = 0
    verbose = arguments.get("verbose", "auto")
    every += bars.of_run(run, ticket.density, verbose, users, plan.dense_share)
    with _passed(model, run.level):
        history = model.fit(
            plan.feed.dataset(run.level, start, run.data_seed),
            epochs=plan.epochs + later,
            initial_epoch=epoch,
            steps_per_epoch=steps,
            callbacks=every,
            **arguments,
        )
    if plan.iterations and evaluate.step < plan.iterations and not model.stop_training:
        raise LotteryError(
            f"the training data of level {run.level} ended at iteration "
            f"{evaluate.step} of {plan.iterations}: give a Dataset without an end, or "
            "a smaller steps_per_epoch."
        )
    if capture is not None and not capture.captured:
        raise LotteryError(
            f"rewind_to: level 0 stopped at iteration {evaluate.step}, before "
            f"iteration {capture.at} to rewind to: rewind to an earlier one."
        )
    # Callbacks may restore other weights as training ends, and averages of the
    # weights (use_ema) take their place then.
    final = evaluate.finish(again=bool(users) or _averages(model.optimizer))
    if plan.train_evaluator is not None:
        final |= {f"train_{n}": v for n, v in plan.train_evaluator().items()}
    epochs = {
        name: [float(v) for v in values if np.ndim(v) == 0]
        for name, values in history.history.items()
    }
    return _Fitted(evaluate.curve, final, epochs, evaluate.step)


def _averages(optimizer: Any) -> bool:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return bool(getattr(inner, "use_ema", False))


@contextlib.contextmanager
def _passed(model: keras.Model, level: int) -> Iterator[None]:
    """Leaves no trace of a `fit` that was cut short in the model."""
    try:
        yield
    except StopIteration:
        raise LotteryError(
            f"the training data ended before level {level}: give arrays, a Dataset or "
            "a function of (level, seed), which can begin again."
        ) from None
    finally:
        compat.clear_fit_start(model)
