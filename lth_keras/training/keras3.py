"""Callbacks for loops by hand with Keras 3, on any backend.

    lth.hold(model, rate=0.2)
    capture, rewind = lth.keras3.CaptureInitialWeights(), lth.keras3.PruneAndRewind()
    for level in range(16):
        model.fit(x, y, epochs=3, callbacks=[capture, rewind])

After a `fit` returns the model holds that level's trained weights; pruning and
rewinding happen as the next level begins.
"""

from __future__ import annotations

from typing import Any

from lth_keras import compat
from lth_keras.training.rounds import KeepsStart, RoundLogic

__all__ = ["CaptureInitialWeights", "PruneAndRewind"]

_Callback: Any = compat.keras3().callbacks.Callback


class CaptureInitialWeights(KeepsStart, _Callback):
    """Captures theta_0 (or theta_k) in the first `fit` of a held model.

    Args:
        rewind_to: the training step to capture, "0it", "500it" or "2ep". A later
            step needs a first `fit` that runs past it; the later ones then train
            from there for as long as you say.

    Attributes:
        start: what was captured, or None before.
    """


class PruneAndRewind(RoundLogic, _Callback):
    """From the second `fit` on, prunes one round and rewinds before training.

    A `fit` that was interrupted is followed by a rewind without a further round.

    Args:
        seed: seed of the criterion "random" and of dropout-like layers.

    Attributes:
        level: number of pruning rounds so far.
    """
