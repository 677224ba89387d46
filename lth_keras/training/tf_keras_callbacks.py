"""The callbacks of a run as tf_keras takes them: what they do stands elsewhere.

capture, rewind = lth.CaptureInitialWeights(), lth.PruneAndRewind()
for level in range(16):
    model.fit(x, y, epochs=3, callbacks=[capture, rewind])
"""

from __future__ import annotations

from lth_keras.compat import keras
from lth_keras.training.capturing import (
    CapturesAt,
    CapturesInitialWeights,
    PrunesAndRewinds,
)
from lth_keras.training.evaluating import Evaluates
from lth_keras.training.steps import CountsSteps, StopsOnNaN


class StepCallback(CountsSteps, keras.callbacks.Callback):
    """Counts training steps."""


class StopOnNaN(StopsOnNaN, StepCallback):
    __doc__ = StopsOnNaN.__doc__


class Evaluate(Evaluates, StepCallback):
    __doc__ = Evaluates.__doc__


class CaptureAt(CapturesAt, StepCallback):
    __doc__ = CapturesAt.__doc__


class CaptureInitialWeights(CapturesInitialWeights, CaptureAt):
    __doc__ = CapturesInitialWeights.__doc__


class PruneAndRewind(PrunesAndRewinds, keras.callbacks.Callback):
    __doc__ = PrunesAndRewinds.__doc__
