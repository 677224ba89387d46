"""What a Keras 3 model holds while it is on masks.

Kept on the model itself, beside what Keras tracks, for as long as the model lives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.native.masks import Mask
from lth_keras.masking.native.optimizers import MaskedOptimizer

_ATTRIBUTE = "_lth_held"


class HeldModel:
    """The masks of a model, and the optimizers that hold them.

    Args:
        model: built, on no masks.
        masks: of its weights, all ones.
        build: f() -> a new model of the same kind, or None.
    """

    def __init__(
        self, model: Any, masks: list[Mask], build: Callable[[], Any] | None = None
    ):
        self._model, self.build = model, build
        self.masks = {id(mask.variable): mask for mask in masks}
        self._compiled: list[MaskedOptimizer] = []
        self._loops: list[MaskedOptimizer] = []
        original = type(model).compile

        @functools.wraps(original)
        def compile_and_attach(*args: Any, **kwargs: Any) -> Any:
            result = original(model, *args, **kwargs)
            self.attach()
            return result

        # Not through setattr, by which Keras would track what is held.
        model.__dict__["compile"] = compile_and_attach
        model.__dict__[_ATTRIBUTE] = self
        for generator in compat.keras3_seed_generators(model):
            compat.keras3_follow_state(generator, True)
        self.attach()
        compat.keras3_forget_traces(model)

    @classmethod
    def of(cls, model: Any) -> HeldModel | None:
        """What a model holds, or None where it is on no masks."""
        found = vars(model).get(_ATTRIBUTE)
        return found if isinstance(found, HeldModel) else None

    def attach(self, optimizer: Any = None) -> None:
        """Lets the optimizers of the model hold the masks, and one of a loop's own.

        A compiled optimizer that another has replaced lets them go.
        """
        compat.keras3_sync(self._model)
        require_one_device(self._model)
        masks = list(self.masks.values())
        given = compat.keras3_optimizers_of(self._model).values()
        attached = [MaskedOptimizer.of(each) for each in given]
        for old in self._compiled:
            if not any(old is new for new in (*attached, *self._loops)):
                old.give_back(masks)
        self._compiled = attached
        if optimizer is not None:
            loop = MaskedOptimizer.of(optimizer)
            if not any(loop is each for each in (*attached, *self._loops)):
                self._loops.append(loop)
        for each in (*self._compiled, *self._loops):
            if not each.holds(masks):
                each.take(masks)
                compat.keras3_forget_traces(self._model)

    def mask_variables(self, optimizer: Any) -> list[Any]:
        """The variables of an optimizer that are masks, of any model."""
        known = MaskedOptimizer.known(optimizer)
        return [] if known is None else known.mask_variables

    def put_frozen(self) -> None:
        """Lets the optimizers hold the values that are frozen, or no more hold them."""
        for each in (*self._compiled, *self._loops):
            each.put_frozen(self.masks.values())

    def let_go(self) -> None:
        """Gives model and optimizers back as they were; weights keep their values."""
        for each in (*self._compiled, *self._loops):
            each.give_back(self.masks.values())
        for generator in compat.keras3_seed_generators(self._model):
            compat.keras3_follow_state(generator, False)
        for name in ("compile", _ATTRIBUTE):
            self._model.__dict__.pop(name, None)
        compat.keras3_forget_traces(self._model)


def require_one_device(model: Any) -> None:
    """Refuses what the masks would not follow.

    Raises:
        LotteryError: says what it is.
    """
    if compat.keras3_replicas(model) > 1:
        raise LotteryError(
            f"model {model.name!r} is of a tf.distribute strategy, by which a held "
            "Keras 3 model is not trained: train it on one device, or on the JAX "
            "backend, or hold a tf_keras model in the strategy."
        )
    if compat.keras3_uses_nnx():
        raise LotteryError(
            "Keras 3 runs with variables of Flax NNX, which no mask would follow: run "
            "it without KERAS_NNX_ENABLED."
        )
