"""The tickets of a search that prunes before it trains: levels of theta_0 itself.

`LotterySearch(first="prune")`: each level is one round more on the initial weights,
which no training has seen (SNIP, 1810.02340; 2009.08576). Level 0 is pruned already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.masking import acts
from lth_keras.masking.network import Network
from lth_keras.runs.layout import RunDirectory
from lth_keras.storage import paths
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import one_run


def begin(network: Network, directory: RunDirectory, seed: int) -> None:
    """Stores theta_0, the dense network that no level trains; once a search.

    Args:
        network: of the model, as new.
        directory: of the search.
        seed: of the search, for the record.

    Raises:
        LotteryError: the model is pruned already.
    """
    place = directory.level(0).rewind
    if paths.exists(place):
        return
    require_dense(network)
    Ticket.of(network, acts.capture(network), seed=seed).save(place)


def require_dense(network: Network) -> None:
    """Refuses a model that is pruned already.

    Raises:
        LotteryError: says how far.
    """
    density = network.density
    if density < 1.0:
        raise LotteryError(
            f"the model has a density of {density:.3g} already, and a search begins "
            "with the dense network: wrap the model anew."
        )


def next_ticket(
    network: Network,
    initial: Ticket,
    before: Ticket | None,
    seed: int,
    settings: dict[str, Any],
    data: Callable[[int], Any],
) -> Ticket:
    """The ticket of one round more than the level before, on theta_0.

    Args:
        network: of the model.
        initial: theta_0, dense.
        before: the ticket of the level before, None for level 0.
        seed: of the search.
        settings: of the search, for the record.
        data: f(level) -> the batches of which criteria read gradients.
    """
    level = 0 if before is None else before.level + 1
    start = initial.start()
    one_run.load(network, before or initial)
    needs = network.recipe.needs
    acts.prune(
        network,
        start,
        seed=seed + level,
        data=data(level) if "gradients" in needs else None,
        level=level + 1,
    )
    return Ticket.of(
        network,
        start,
        level=level,
        seed=seed,
        settings=settings,
        parent=None if before is None else before.fingerprint,
    )
