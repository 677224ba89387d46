"""One training run: from a ticket to trained weights, a curve and a result line.

Every level of a search and every control is one of these. Its files appear whole, the
result line last: a run whose result is stored is finished.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lth_keras import compat, errors
from lth_keras.errors import LotteryError
from lth_keras.masking import acts, paths, slots, starts
from lth_keras.masking.network import Network
from lth_keras.runs import rows
from lth_keras.runs import trained as trained_files
from lth_keras.runs.layout import LevelDirectory
from lth_keras.runs.rows import Run
from lth_keras.storage import files
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import fitting, rounds
from lth_keras.training.counting import level_seed
from lth_keras.training.plan import Plan
from lth_keras.training.scaled_rates import last_rate, scaled_rate


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

        capture = _capture(network, capture_at, store)
    _begin(network, ticket, run, fresh_optimizer)
    on_paths = paths.density(network, _masks_held(network, ticket))
    test = plan.evaluators.get("test")
    untrained = {} if test is None else {f"test_{n}": v for n, v in test().items()}
    began = time.perf_counter()
    try:
        with (
            last_rate(network.model, plan.after),
            scaled_rate(network.model, plan.rate_factor),
        ):
            fitted = fitting.fit(network, ticket, plan, run, capture)
        network.unshare()
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
    capture = _capture(network, step, found.append, stop=True)
    fitting.fit(network, ticket, plan, run, capture)
    return Ticket.of(network, found[0], level=run.level, seed=plan.seed)


def _begin(
    network: Network, ticket: Ticket, run: Run, fresh_optimizer: bool = False
) -> None:
    """Sets the model, and its random layers, to the start of a run."""
    load(network, ticket, fresh_optimizer)
    trainer = compat.trainer_of(network.model)
    # The states of recurrent layers are no weights: a ticket has none.
    trainer.reset_states(network.model)
    trainer.reset_generators(network.model, level_seed(run.data_seed, run.level))


def _masks_held(network: Network, ticket: Ticket) -> list[np.ndarray] | None:
    """The ticket's masks where they are those of the network, one for one, or None."""
    found = [mask for _, mask in ticket.pruned()]
    if len(found) != len(network.pruned):
        return None
    pairs = zip(network.pruned, found, strict=True)
    same = all(np.array_equal(weight.read_mask(), mask) for weight, mask in pairs)
    return found if same else None


def _capture(network: Network, step: int, receive: Any, stop: bool = False) -> Any:
    """The callback that captures a step of the network's training."""
    made = compat.trainer_of(network.model).callback(rounds.CaptureLogic)
    return made(step, receive, stop=stop, network=network)


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
    """The weights by name, as the run's ticket lists them; views, not to be kept."""
    listed = list(network.weights)
    if network.keras_order != list(range(len(listed))):
        # The ticket may be of before there was an order of ours.
        stored = Ticket.load(directory.ticket).weights
        for place, weight in zip(network.places(stored), network.weights, strict=True):
            listed[place] = weight
    return {f"{i:04d}/{w.path}": w.view() for i, w in enumerate(listed)}


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
