"""A trained run as arrays: what it computes with, whatever held the masks.

found = networks.trained(search, 7)                          # a level
found = networks.trained(search, ("random_reinit", 7, 0))    # a control's replicate
found = networks.trained(search, "runs/mnist/trial1/level07")
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Union

import numpy as np

from lth_keras.arguments import MOST_LEVELS, MOST_RUNS, count
from lth_keras.controls.syntax import parse
from lth_keras.errors import LotteryError, shown
from lth_keras.masking import frozen
from lth_keras.masking.network import Network
from lth_keras.runs import repair
from lth_keras.runs import trained as trained_files
from lth_keras.runs.layout import LevelDirectory
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths
from lth_keras.tickets.ticket import Ticket

# A level; a control with level and replicate; or the directory of a run.
Run = Union[int, Sequence[str | int], str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """A finished run.

    Attributes:
        place: its files.
        ticket: what it started from, with its weights in the order of the network.
        values: the weights that it ended with, of which frozen ones are part.
    """

    place: LevelDirectory
    ticket: Ticket
    values: list[np.ndarray]


def place_of(search: LotterySearch, run: Run, name: str = "run") -> LevelDirectory:
    """The directory of a finished run.

    Args:
        search: whose levels and controls are meant.
        run: a level, (control, level) or (control, level, replicate), or a path.
        name: of the argument, for a message.

    Raises:
        LotteryError: it is none of these, or not finished.
    """
    if isinstance(run, (str, os.PathLike)):
        place = LevelDirectory(paths.as_path(run, name))
    elif isinstance(run, Sequence):
        place = _of_control(search, run, name)
    else:
        level = count(name, run, 0, "a level, (control, level) or a path", MOST_LEVELS)
        return search.finished(level)
    if not paths.exists(place.result):
        raise LotteryError(f"{name}={shown(run)}: {place.root} is no finished run.")
    return place


def _of_control(
    search: LotterySearch, run: Sequence[object], name: str
) -> LevelDirectory:
    if not 2 <= len(run) <= 3 or not isinstance(run[0], str):
        raise LotteryError(
            f"{name}={shown(run)}: give a level, (control, level), (control, level, "
            "replicate), or the directory of a run."
        )
    level = count(f"{name}: level", run[1], 0, "a level of the search", search.levels)
    again = run[2] if len(run) == 3 else 0
    replicate = count(f"{name}: replicate", again, 0, "a replicate", MOST_RUNS)
    return search.directory.control(parse(run[0]).key, level, replicate)


def trained(search: LotterySearch, run: Run, name: str = "run") -> Trained:
    """What a finished run started from, and ended with.

    Args:
        search: with its model.
        run: as of `place_of`.
        name: of the argument, for a message.

    Raises:
        LotteryError: there is no such run, or it is of another network.
    """
    place = place_of(search, run, name)
    network = search.network
    with repair.advised(place.root):
        ticket = Ticket.load(place.ticket)
    found = list(trained_files.read(place).values())
    shapes = [value.shape for value in found]
    order = network.places(ticket.weights)
    if len(order) != len(network.weights) or [shapes[i] for i in order] != [
        weight.shape for weight in network.weights
    ]:
        raise LotteryError(
            f"{name}={shown(run)}: {place.root} is of another network than "
            "the search's."
        )
    ticket = ticket.ordered(network)
    values = [found[index] for index in order]
    return Trained(place, ticket, list(map(_with_frozen, values, ticket.weights)))


def _with_frozen(value: np.ndarray, weight: object) -> np.ndarray:
    mask, held = getattr(weight, "mask", None), getattr(weight, "frozen", None)
    return value if held is None or mask is None else np.where(mask, value, held)


def write(network: Network, values: Sequence[np.ndarray]) -> None:
    """Sets a model to compute with some weights, no mask between.

    Args:
        network: of the model; its masks are all ones afterwards, and nothing is frozen.
        values: one array for each of its weights.
    """
    for weight in network.held:
        weight.set_mask(np.ones(weight.shape, bool))
    frozen.write(network, [None] * len(network.pruned))
    assign(network, values)


def assign(network: Network, values: Sequence[np.ndarray]) -> None:
    """Sets the weights alone."""
    for weight, value in zip(network.weights, values, strict=True):
        weight.write(value)
