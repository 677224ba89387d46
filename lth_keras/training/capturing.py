"""Callbacks for loops by hand with tf_keras: capture the start, prune and rewind.

    capture, rewind = lth.CaptureInitialWeights(), lth.PruneAndRewind()
    for level in range(16):
        model.fit(x, y, epochs=3, callbacks=[capture, rewind])

After a `fit` returns the model holds that level's trained weights; pruning and
rewinding happen as the next level begins. For a Keras 3 model: `lth.keras3`.
"""

from __future__ import annotations

from lth_keras.compat import keras
from lth_keras.training.rounds import KeepsStart, RoundLogic
from lth_keras.training.steps import StepCallback


class CaptureInitialWeights(KeepsStart, StepCallback):
    """Captures theta_0 (or theta_k) in the first `fit` of a model.

    Args:
        rewind_to: the training step to capture, "0it", "500it" or "2ep". A later
            step needs a first `fit` that runs past it; the later ones then train
            from there for as long as you say (`LotterySearch` trains the remaining
            steps alone, on the data from there on).

    Attributes:
        start: what was captured, or None before.
    """


class PruneAndRewind(RoundLogic, keras.callbacks.Callback):
    """From the second `fit` on, prunes one round and rewinds before training.

    A `fit` that was interrupted is followed by a rewind without a further round. A
    criterion that reads gradients is refused as the first `fit` begins.

    Args:
        seed: seed of the criterion "random" and of dropout-like layers.

    Attributes:
        level: number of pruning rounds so far.
    """
