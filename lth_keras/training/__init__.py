"""How is one run trained? Data, steps, evaluation, learning rates, the curve.

From a ticket to trained weights and one result line.
"""

from lth_keras.training.learning_rates import LinearWarmup
from lth_keras.training.plan import Plan
from lth_keras.training.tf_keras_callbacks import CaptureInitialWeights, PruneAndRewind

__all__ = ["CaptureInitialWeights", "LinearWarmup", "Plan", "PruneAndRewind"]
