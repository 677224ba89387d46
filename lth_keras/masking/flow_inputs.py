"""What the flow through a network is of, whichever Keras computes it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError

# Where a deep network's flow overflows, a smaller input is tried.
INPUTS = (1.0, 1e-10, 1e-20, 1e-30)
# Their outputs have one sum, or one limit, whatever the weights are.
_PROBABILITIES = ("softmax", "sigmoid", "log_softmax")


def ones_of(model: Any, ones: Callable[[list[int], Any], Any]) -> Any:
    """One example of ones, in the structure that a model takes.

    Args:
        model: that says its inputs.
        ones: f(shape, dtype) -> a tensor of the backend's.

    Raises:
        LotteryError: the shape of an input is open.
    """
    found = []
    for given in model.inputs:
        shape = [1, *given.shape[1:]]
        if None in shape:
            raise LotteryError(
                f"the input {given.name} has the open shape {tuple(given.shape)}, and "
                "the flow is of an input of ones: build the model on a fixed shape."
            )
        found.append(ones(shape, given.dtype))
    return found if len(found) > 1 else found[0]


@contextlib.contextmanager
def logits(outputs: Iterable[Any], softmax: type) -> Iterator[None]:
    """What goes into probabilities at the outputs, in the place of these.

    Args:
        outputs: the layers that the outputs come from.
        softmax: the class of layers that make nothing but probabilities.
    """
    replaced = []
    try:
        for layer in outputs:
            name = "call" if isinstance(layer, softmax) else "activation"
            kind = getattr(vars(layer).get("activation"), "__name__", "")
            if name == "call" or kind in _PROBABILITIES:
                replaced.append((layer, name, vars(layer).get(name)))
                # Not through setattr, by which Keras would count it as a change.
                vars(layer)[name] = _as_it_is
        yield
    finally:
        for layer, name, before in replaced:
            if before is None:
                del vars(layer)[name]
            else:
                vars(layer)[name] = before


def _as_it_is(inputs: Any, *args: Any, **kwargs: Any) -> Any:
    return inputs


def require_flow(found: list[np.ndarray]) -> list[np.ndarray]:
    """The flow itself.

    Args:
        found: that through each pruned weight.

    Raises:
        LotteryError: it is nowhere above 0, or overflows.
    """
    if not all(np.isfinite(each).all() for each in found):
        raise LotteryError(
            "the flow through the network overflows: rank by another criterion, "
            "such as 'snip', or by 'magnitude'."
        )
    if not any(each.any() for each in found):
        raise LotteryError(
            "nothing flows through the network: for an input of ones its outputs "
            "do not depend on its weights. Rank by another criterion."
        )
    return found
