"""How is one run trained? Data, steps, evaluation, learning rates, the curve.

From a ticket to trained weights and one result line.
"""

from lth_keras.training.capturing import CaptureInitialWeights, PruneAndRewind
from lth_keras.training.learning_rates import LinearWarmup
from lth_keras.training.plan import Plan

__all__ = ["CaptureInitialWeights", "LinearWarmup", "Plan", "PruneAndRewind"]
