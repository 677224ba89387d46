"""How is one run trained? Data, steps, evaluation, learning rates, the curve.

From a ticket to trained weights and one result line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lth_keras import lazy

if TYPE_CHECKING:
    from lth_keras.training.capturing import CaptureInitialWeights, PruneAndRewind
    from lth_keras.training.learning_rates import LinearWarmup
    from lth_keras.training.plan import Plan

__all__ = ["CaptureInitialWeights", "LinearWarmup", "Plan", "PruneAndRewind"]

# A room of two Keras: a model of one does not import the other.
__getattr__ = lazy.names(
    __name__,
    {
        "CaptureInitialWeights": f"{__name__}.capturing",
        "LinearWarmup": f"{__name__}.learning_rates",
        "Plan": f"{__name__}.plan",
        "PruneAndRewind": f"{__name__}.capturing",
    },
)
