"""theta_k for a step k that a search did not store: its level 0 trained again.

The run is the same, bit for bit, as the one that the search began with, and is stored
so that it happens once.
"""

from __future__ import annotations

from lth_keras.errors import LotteryError
from lth_keras.runs.rows import Run
from lth_keras.search.search import LotterySearch
from lth_keras.storage import directories, locks, paths
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import one_run
from lth_keras.training.plan import Plan


def theta_at(search: LotterySearch, plan: Plan, step: int) -> Ticket:
    """The dense network as it was at a training step of level 0.

    Args:
        search: a search of which level 0 is finished.
        plan: how it trains.
        step: iterations of level 0.

    Returns:
        The weights and the optimizer's state, without a mask.

    Raises:
        LotteryError: the step is past the end of a run, or the data cannot begin
            there, or training passes over it.
    """
    if plan.iterations is not None and step >= plan.iterations:
        raise LotteryError(
            f"step={step}it is past the end of a run of {plan.iterations} iterations: "
            "choose an earlier one."
        )
    plan.feed.check_start(step)
    for known in (search.ticket(0), search.theta):
        if known.step == step:
            return known
    path = search.directory.replay(step)
    root = paths.join(search.directory.root, "replays")
    with locks.lock(root):
        directories.clean_leftovers(root)
        if not paths.exists(path):
            ticket = one_run.replay(
                search.network,
                search.ticket(0),
                plan,
                Run(0, data_seed=search.seed),
                step,
            )
            ticket.save(path)
    ticket = Ticket.load(path)
    if ticket.step != step or ticket.level != 0:
        raise LotteryError(
            f"{path} is a ticket of level {ticket.level} and step {ticket.step}, not "
            f"of level 0 and step {step}: remove it to train it again."
        )
    return ticket
