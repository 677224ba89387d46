"""The weights of a Keras 3 model in the order and by the names that tf_keras has.

So that tickets go from models of one Keras to those of the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lth_keras import compat
from lth_keras.errors import LotteryError
from lth_keras.masking.native.masks import Mask
from lth_keras.masking.weight import Weight
from lth_keras.pruning.masks import apply

# What tf_keras calls a weight that Keras 3 names otherwise, by the class of its layer.
_NAMES = {
    ("DepthwiseConv1D", "kernel"): "depthwise_kernel",
    ("DepthwiseConv2D", "kernel"): "depthwise_kernel",
    ("SpectralNormalization", "vector_u"): "sn_u",
}


class Owned(NamedTuple):
    """A weight and whose it is.

    Attributes:
        variable: the weight.
        layer: the innermost layer that made it.
        trains: whether it does, if its layer does.
    """

    variable: Any
    layer: Any
    trains: bool


@dataclasses.dataclass(frozen=True)
class Keras3Weight(Weight):
    """One weight of a Keras 3 model; its mask is a `Mask`.

    Attributes:
        model: whose it is: on JAX a running `fit` keeps what it trains.
    """

    model: Any = None

    @property
    def key(self) -> int:
        return id(self.variable)

    @property
    def dtype(self) -> np.dtype:
        return compat.keras3_dtype(self.variable)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.variable.shape)

    @property
    def frozen(self) -> np.ndarray | None:
        found: np.ndarray | None = None if self.mask is None else self.mask.frozen
        return found

    def read_frozen(self) -> np.ndarray | None:
        return None if self.frozen is None else self.frozen.copy()

    def freeze(self, values: np.ndarray) -> None:
        value = self.read()
        self.mask.freeze(values)
        self.write(value)

    def read(self) -> np.ndarray:
        compat.keras3_sync(self.model)
        value = compat.keras3_read(self.variable)
        return value if self.mask is None else self.mask.sparse(value)

    def view(self) -> np.ndarray:
        return self.read()

    def write(self, value: np.ndarray) -> None:
        compat.keras3_sync(self.model)
        value = np.asarray(value)
        self.variable.assign(value if self.mask is None else self.mask.whole(value))

    def write_mask(self, mask: np.ndarray) -> None:
        value = self.read()
        self.set_mask(mask)
        self.write(apply(value, self.mask.value))

    def read_mask(self) -> np.ndarray:
        if self.mask is None:
            return np.ones(self.shape, bool)
        found: np.ndarray = self.mask.value.copy()
        return found

    def set_mask(self, mask: np.ndarray) -> None:
        compat.keras3_sync(self.model)
        self.mask.assign(mask)


def weights_of(model: Any, masks: dict[int, Mask]) -> list[Keras3Weight]:
    """The weights of a built model.

    Args:
        model: of Keras 3.
        masks: those of weights that are on one, by the weight's identity.

    Raises:
        LotteryError: the model has no weights yet.
    """
    require_built(model)
    found = []
    for variable, layer, _ in owned(model):
        kind, mask = type(layer).__name__, masks.get(id(variable))
        found.append(
            Keras3Weight(
                layer=layer.name,
                kind=kind,
                name=_NAMES.get((kind, variable.name), variable.name),
                variable=variable,
                mask=mask,
                wrapper=None if mask is None else mask.layer,
                follows=None if mask is None else mask.follows,
                model=model,
            )
        )
    return found


def require_built(model: Any) -> None:
    """Refuses a model without weights.

    Raises:
        LotteryError: says how it gets them.
    """
    if not (model.built and model.weights):
        raise LotteryError(
            f"model {model.name!r} has no weights yet: call it on a batch, or "
            "model.build(input_shape), first."
        )


def owned(model: Any) -> list[Owned]:
    """Every weight once, in the order of tf_keras if all of it trains."""
    found: dict[int, Owned] = {}
    for each in _of_layer(model):
        found.setdefault(id(each.variable), each)
    return list(found.values())


def _of_layer(layer: Any) -> Iterator[Owned]:
    trainable, rest = compat.keras3_own_weights(layer)
    own = [Owned(v, layer, True) for v in trainable]
    own += [Owned(v, layer, False) for v in rest]
    parts = compat.keras3_inner_layers(layer)
    inside = [each for part in parts for each in _of_layer(part)]
    if isinstance(layer, compat.keras3().Model):
        yield from (*inside, *own)
        return
    # A layer lists all that trains in it before all that does not.
    for trains in (True, False):
        yield from (each for each in (*own, *inside) if each.trains is trains)
