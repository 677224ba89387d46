"""What callbacks of a search's runs do, for models of either Keras.

Each class stands before a `Callback` of Keras among the bases of another, which
`trainer.callback` makes.
"""

from __future__ import annotations

import math
from typing import Any

from lth_keras.errors import DivergedError
from lth_keras.masking import acts
from lth_keras.masking.network import Network
from lth_keras.training.counting import StepLogic


class Projects:
    """Puts the weights on their masks when training begins.

    Stands after callbacks that write weights then, such as BackupAndRestore.

    Args:
        network: of the model that is trained.
    """

    def __init__(self, network: Network):
        super().__init__()
        self._network = network

    def on_train_begin(self, logs: Any = None) -> None:
        acts.project(self._network)


class RequiresComplete:
    """Refuses, after the first step, weights that this step has made.

    Args:
        network: of the model that is trained.
    """

    def __init__(self, network: Network):
        super().__init__()
        self._network = network
        self._done = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._done:
            self._done = True
            self._network.require_complete()


class StopsOnNaN(StepLogic):
    """Raises `DivergedError` at the first step whose loss is NaN."""

    def on_step(self, logs: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and math.isnan(float(loss)):
            raise DivergedError(
                f"the loss is NaN at iteration {self.step}: lower the learning rate, "
                "or look for NaN in the data."
            )
