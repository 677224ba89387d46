"""What the callbacks of loops by hand do, for models of either Keras.

Each class stands before a `Callback` of Keras among the bases of another.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from lth_keras.arguments import count
from lth_keras.errors import LotteryError
from lth_keras.masking import acts, starts
from lth_keras.masking.network import Network
from lth_keras.training import points
from lth_keras.training.counting import StepLogic, level_seed

# What was captured of a model, for what prunes and rewinds the same model.
_STARTS: weakref.WeakKeyDictionary[Any, starts.Start] = weakref.WeakKeyDictionary()


class CaptureLogic(StepLogic):
    """Captures theta_k and the optimizer's state once, and hands them on.

    Args:
        rewind_to: the training step to capture, "0it", "500it" or "2ep".
        receive: called with what was captured.
        stop: whether training ends then.
        network: of the model that is trained, where it is known.

    Attributes:
        captured: whether that happened.
        at: the step to capture, in iterations.
    """

    def __init__(
        self,
        rewind_to: int | str,
        receive: Callable[[starts.Start], Any] | None = None,
        stop: bool = False,
        network: Network | None = None,
    ):
        super().__init__()
        points.parse_step(rewind_to, 1)
        self._network = network
        self._rewind_to, self._receive, self._stop = rewind_to, receive, stop
        self.captured = False
        self.at = 0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        steps = self.params.get("steps") if self.params else None
        self.at = points.parse_step(self._rewind_to, steps)
        if not self.captured and self.at == 0:
            self._capture()

    def on_step(self, logs: Any) -> None:
        if not self.captured and self.step >= self.at:
            if self.step > self.at:
                raise LotteryError(
                    f"rewind_to={self._rewind_to!r}: steps_per_execution passes over "
                    f"iteration {self.at} (it is at {self.step}): choose numbers of "
                    "which one divides the other."
                )
            self._capture()

    def _capture(self) -> None:
        start = acts.capture(self._network or self.model, step=self.at)
        if self._receive is not None:
            self._receive(start)
        self.captured = True
        self.model.stop_training = self.model.stop_training or self._stop


class KeepsStart(CaptureLogic):
    """Captures theta_0 (or theta_k) in the first `fit` of a model, and keeps it.

    Args:
        rewind_to: the training step to capture, "0it", "500it" or "2ep".

    Attributes:
        start: what was captured, or None before.
    """

    def __init__(self, rewind_to: int | str = "0it"):
        super().__init__(rewind_to, self._keep)
        self.start: starts.Start | None = None

    def _keep(self, start: starts.Start) -> None:
        self.start = start
        _STARTS[self.model] = start


class RoundLogic:
    """From the second `fit` on, prunes one round and rewinds before training.

    Args:
        seed: seed of the criterion "random" and of dropout-like layers.

    Attributes:
        level: number of pruning rounds so far.
    """

    # What Keras's class gives it.
    model: Any

    def __init__(self, seed: int = 0):
        super().__init__()
        self._seed = count("seed", seed, 0, "a seed")
        self.level = 0
        self._began = False
        self._trained = False

    def on_train_begin(self, logs: Any = None) -> None:
        network = Network.of(self.model)
        if not self._began:
            _refuse_gradients(network.require_masks())
        else:
            start = _STARTS.get(self.model)
            if start is None:
                raise LotteryError(
                    "nothing was captured to rewind to: put "
                    "CaptureInitialWeights() among the callbacks from the first "
                    "fit on, and let that fit run past its rewind_to."
                )
            if self._trained:
                seed, level = self._seed + self.level, self.level + 1
                acts.prune(network, start, seed=seed, level=level)
                self.level = level
                # A rewind that fails is tried again without another round.
                self._trained = False
            acts.rewind(network, start)
        self._began, self._trained = True, False
        network.reset_generators(level_seed(self._seed, self.level))

    def on_train_end(self, logs: Any = None) -> None:
        self._trained = True
        Network.of(self.model).unshare()


def _refuse_gradients(network: Network) -> None:
    recipe = network.recipe
    if "gradients" in recipe.needs:
        raise LotteryError(
            f"criterion={recipe.criterion!r} reads gradients, and a callback does not "
            "see the data: use lth.LotterySearch, or lth.prune(model, data=(x, y)) in "
            "a loop of your own."
        )
