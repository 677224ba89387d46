"""What a level starts from: weights rewound, or trained ones; which learning rate.

The three ways to go on after pruning (2003.02389, section 3): weight rewinding, which
is the paper's own (1903.01611), learning-rate rewinding, and fine-tuning.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from lth_keras.arguments import among
from lth_keras.errors import LotteryError, shown
from lth_keras.masking.network import Network
from lth_keras.masking.starts import Start
from lth_keras.pruning.rewinding import REWINDS


def checked(rewind: Any, first: str) -> str:
    """What is rewound, if it is known and there is anything trained to keep.

    Raises:
        LotteryError: it is not.
    """
    if not among(rewind, REWINDS):
        raise LotteryError(
            f"rewind={shown(rewind)} is not known: use {', '.join(REWINDS)}."
        )
    if rewind != "weights" and first == "prune":
        raise LotteryError(
            f"rewind={rewind!r} keeps trained weights, and a search with first='prune' "
            "starts every level from theta_0: leave it at 'weights'."
        )
    return str(rewind)


def check_step(rewind: str, step: int, given: Any, length: int | None) -> None:
    """Refuses what does not go with a search that rewinds nothing.

    Raises:
        LotteryError: a step to rewind to, or levels of which only `fit` knows how
            long they are.
    """
    if rewind != "none":
        return
    if step:
        raise LotteryError(
            f"rewind_to={given!r} does not go with rewind='none', which rewinds "
            "nothing: leave it at '0it', or use 'weights' or 'learning_rate'."
        )
    if length is None:
        raise LotteryError(
            "rewind='none' trains on at a schedule's last learning rate, and needs the "
            "length of a run: pass steps_per_epoch."
        )


def of_trained(start: Start, network: Network, rewind: str) -> Start:
    """What the next level starts from, when the one before has been pruned.

    Args:
        start: the weights to rewind to, with the optimizer as it was at their step.
        network: of the model, which holds the trained weights on the new masks.
        rewind: of `REWINDS`; only "weights" takes those of `start`. The optimizer's
            moments start afresh in any case, as no level stores them.
    """
    if rewind == "weights":
        return start
    trained = [weight.read() for weight in network.weights]
    return dataclasses.replace(start, weights=trained)
