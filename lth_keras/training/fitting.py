"""One `fit` of a run: its callbacks, its beginning in mid-epoch, what it came to."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.runs.rows import Run
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import bars, evaluating
from lth_keras.training.plan import Plan
from lth_keras.training.watching import Projects, RequiresComplete, StopsOnNaN


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What a `fit` came to: the curve, the last metrics, Keras's history, the step."""

    curve: dict[str, list[float]]
    final: dict[str, float]
    epochs: dict[str, list[float]]
    iterations: int


def fit(
    network: Network,
    ticket: Ticket,
    plan: Plan,
    run: Run,
    capture: Any,
) -> Fitted:
    """Trains a model, which is set to the ticket, as far as the plan goes.

    Args:
        network: of the model.
        ticket: where it starts.
        plan: how to train.
        run: which run it is.
        capture: the callback that captures a step of it, or None.

    Raises:
        LotteryError: the data end early, or training stopped before the capture.
    """
    model, steps, start = network.model, plan.feed.steps_per_epoch, ticket.step
    trainer = compat.trainer_of(model)
    epoch, step = divmod(start, steps or 1)
    # Callbacks that set the learning rate by the epoch see that it is a late one.
    later = plan.after // steps if steps else 0
    epoch += plan.first_epoch + later
    users = plan.callbacks_of(run.level)
    first_batch = step if trainer.counts_from_start else 0
    evaluate = trainer.callback(evaluating.Evaluates)(
        plan.evaluators,
        plan.evaluate_every,
        start=start,
        first_batch=first_batch,
        monitor=plan.monitor,
        also=plan.also,
    )
    # Ours stand around the user's: evaluation first, so that they see its metrics.
    every = [evaluate, *users]
    if users:
        every.append(trainer.callback(Projects)(network))
    before, after = trainer.start_at(epoch, step, steps) if step else (None, None)
    if before is not None:
        every.insert(0, before)
    if capture is not None:
        every.append(capture)
    stop = trainer.callback(StopsOnNaN)(start=start, first_batch=first_batch)
    every.append(stop)
    if not compat.is_keras3(model) and not compat.is_functional(model):
        every.append(trainer.callback(RequiresComplete)(network))
    arguments = dict(plan.fit_arguments)
    if plan.progress is not None:
        every += plan.progress.callbacks(model)
        arguments["verbose"] = 0
    verbose = arguments.get("verbose", "auto")
    every += bars.of_run(trainer, run, ticket.density, verbose, users, plan.dense_share)
    if after is not None:
        every.append(after)
    data = plan.feed.dataset(run.level, start, run.data_seed)
    with _passed(trainer, model, run.level), trainer.fitting(model):
        history = model.fit(
            trainer.given(model, data),
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
    return Fitted(evaluate.curve, final, epochs, evaluate.step)


def _averages(optimizer: Any) -> bool:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return bool(getattr(inner, "use_ema", False))


@contextlib.contextmanager
def _passed(trainer: compat.Trainer, model: Any, level: int) -> Iterator[None]:
    """Leaves no trace of a `fit` that was cut short in the model."""
    try:
        yield
    except StopIteration:
        raise LotteryError(
            f"the training data ended before level {level}: give arrays, a Dataset or "
            "a function of (level, seed), which can begin again."
        ) from None
    finally:
        trainer.clear_start(model)
