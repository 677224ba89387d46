"""How do kinds of layers lead from channels to channels?

Each rule says which channels of the output the living ones of the input reach, and
gives a function that goes back: from the outputs that are needed to the inputs that
they need, noting on its way which kept weights lie between the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.masking import channels

# A boolean per channel of a tensor, a position of its last axis.
Alive = np.ndarray
# From what is needed of each output to what that needs of each input.
Back = Callable[[Sequence[Alive]], list[Alive]]
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")


class Masks:
    """The masks of kernels, and which of their entries a path was seen to lead through.

    Args:
        kept: masks by key of the variable.
        key: f(variable) -> its key.
    """

    def __init__(self, kept: dict[int, np.ndarray], key: Callable[[Any], int]):
        self._kept, self._key = kept, key
        self._reached = {key: np.zeros_like(mask) for key, mask in kept.items()}

    def of(self, variable: Any) -> np.ndarray:
        """The mask of a variable; of one without a mask, all of it."""
        mask = self._kept.get(self._key(variable))
        return np.ones(tuple(variable.shape), bool) if mask is None else mask

    def reach(self, variable: Any, where: np.ndarray) -> None:
        """Notes that paths lead through kept entries of a variable."""
        key = self._key(variable)
        if key in self._kept:
            self._reached[key] |= self._kept[key] & where

    def reach_all(self, variables: Iterable[Any]) -> None:
        """Notes that paths lead through all kept entries of variables."""
        for key in map(self._key, variables):
            if key in self._kept:
                self._reached[key] = self._kept[key]

    def reached(self, key: int) -> np.ndarray:
        """Which entries of a variable lie on a path."""
        return self._reached[key]


def width(shape: Sequence[int | None]) -> int:
    """Channels of a tensor; 1 where they are not known."""
    return int(shape[-1]) if len(shape) >= 2 and shape[-1] is not None else 1


def through(
    given: Sequence[Alive], call: compat.Call, masks: Masks
) -> tuple[list[Alive], Back]:
    """What of a layer's outputs its living inputs reach, and how to go back.

    Args:
        given: of each input, its living channels.
        call: of a layer of either Keras.
        masks: of all kernels.
    """
    inner = call.layer
    if compat.is_layer(inner, ("TimeDistributed",)):
        inner = inner.layer
    widths = [width(shape) for _, shape in call.outputs]
    first = getattr(inner, "data_format", None) == "channels_first"
    if len(given) == len(widths) == 1 and not first:
        (alive,), (wide,) = given, widths
        stages = _stages(inner)
        if stages:
            return _kernels(stages, alive, masks)
        if compat.is_layer(inner, channels.PASSING) and len(alive) == wide:
            return [alive], list
        if compat.is_layer(inner, ("Flatten", "Reshape")):
            places, rest = divmod(wide, len(alive))
            if len(call.outputs[0][1]) == 2 and not rest:
                return [np.tile(alive, places)], _untile(places)
    if len(widths) == 1 and len({*map(len, given)}) == 1 and given:
        if compat.is_layer(inner, channels.JOINING) and len(given[0]) == widths[0]:
            count = len(given)
            merged: Any = np.logical_or.reduce(np.stack(given))
            return [merged], lambda needed: list(needed) * count
    joined = compat.is_layer(inner, ("Concatenate",))
    if joined and sum(map(len, given)) == widths[0]:
        ends = np.cumsum([len(alive) for alive in given])[:-1]
        return [np.concatenate(given)], lambda needed: np.split(needed[0], ends)
    return _everything(inner, given, widths, masks)


def _untile(places: int) -> Back:
    return lambda needed: [np.asarray(needed[0].reshape(places, -1).any(axis=0))]


def _everything(
    layer: Any, given: Sequence[Alive], widths: Sequence[int], masks: Masks
) -> tuple[list[Alive], Back]:
    """Each living input reaches each output."""
    fed = not given or any(alive.any() for alive in given)

    def back(needed: Sequence[Alive]) -> list[Alive]:
        used = any(channels.any() for channels in needed)
        if fed and used:
            # An operation of Keras 3 has none.
            masks.reach_all(getattr(layer, "weights", ()))
        return [np.full_like(alive, used) for alive in given]

    return [np.full(size, fed) for size in widths], back


# A kernel, and how it stands as [rest, inputs, outputs]: its mask goes there, and
# booleans of that shape come back. Several in a row are called one after another.
_Stage = tuple[
    Any, Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]
]


def _stages(layer: Any) -> list[_Stage]:
    """The kernels that a layer of a known kind calls; none of another kind."""
    if compat.is_layer(layer, ("Dense",)):
        return [_plain(layer.kernel)]
    if compat.is_layer(layer, _TRANSPOSED):
        return [_plain(layer.kernel, transposed=True)]
    if compat.is_layer(layer, _SEPARABLE):
        return [_depthwise(layer.depthwise_kernel), _plain(layer.pointwise_kernel)]
    if compat.is_layer(layer, _DEPTHWISE):
        # As tf_keras and as Keras 3 call it.
        kernel = getattr(layer, "depthwise_kernel", None)
        return [_depthwise(layer.kernel if kernel is None else kernel)]
    if compat.is_layer(layer, _CONVOLUTIONS):
        return [_plain(layer.kernel, layer.groups)]
    return []


def _plain(kernel: Any, groups: int = 1, transposed: bool = False) -> _Stage:
    shape = tuple(kernel.shape)

    def spread(mask: np.ndarray) -> np.ndarray:
        mask = np.swapaxes(mask, -1, -2) if transposed else mask
        flat = mask.reshape(-1, *mask.shape[-2:])
        if groups == 1:
            return flat
        rest, inputs, outputs = flat.shape
        full = np.zeros((rest, groups, inputs, groups, outputs // groups), bool)
        for group, part in enumerate(np.split(flat, groups, axis=-1)):
            full[:, group, :, group] = part
        return full.reshape(rest, groups * inputs, outputs)

    def gather(where: np.ndarray) -> np.ndarray:
        if groups > 1:
            rest, inputs, outputs = where.shape
            parts = where.reshape(rest, groups, inputs // groups, groups, -1)
            where = np.concatenate([parts[:, g, :, g] for g in range(groups)], axis=-1)
        if transposed:
            where = np.swapaxes(where, -1, -2)
        return where.reshape(shape)

    return kernel, spread, gather


def _depthwise(kernel: Any) -> _Stage:
    *places, inputs, each = tuple(kernel.shape)
    own = np.repeat(np.eye(inputs, dtype=bool), each, axis=1)

    def spread(mask: np.ndarray) -> np.ndarray:
        return own & mask.reshape(math.prod(places), 1, inputs * each)

    def gather(where: np.ndarray) -> np.ndarray:
        return where.any(axis=1).reshape(*places, inputs, each)

    return kernel, spread, gather


def _joined(kept: np.ndarray) -> np.ndarray:
    """Whether an input leads to an output at any place: [inputs, outputs]."""
    return np.asarray(kept.any(axis=0))


def _kernels(
    stages: Sequence[_Stage], alive: Alive, masks: Masks
) -> tuple[list[Alive], Back]:
    taken: list[tuple[_Stage, Alive, np.ndarray]] = []
    for stage in stages:
        kernel, spread, _ = stage
        kept = spread(masks.of(kernel))
        taken.append((stage, alive, kept))
        alive = np.asarray(_joined(kept)[alive].any(axis=0))

    def back(needed: Sequence[Alive]) -> list[Alive]:
        (wanted,) = needed
        for (kernel, _, gather), fed, kept in reversed(taken):
            between = kept & fed[:, np.newaxis] & wanted
            masks.reach(kernel, gather(between))
            wanted = np.asarray(_joined(kept)[:, wanted].any(axis=1))
        return [wanted]

    return [alive], back
