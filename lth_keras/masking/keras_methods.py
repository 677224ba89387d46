"""What `summary`, `count_params` and `load_weights` of Keras do for a model on masks.

Masks are no parameters of the network, and are not counted. Weights that a model saved
that is not wrapped go to the layers inside the wrappers: Keras finds a wrapper in each
place and, depending on the format, refuses or leaves these layers as they are. Where
masks are held in place, what is loaded is put on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import held
from lth_keras.masking.counting import masks_uncounted
from lth_keras.masking.network import Network
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.masking.wrapping import unwrap
from lth_keras.pruning import masks


def is_wrapped(model: keras.Model) -> bool:
    """Whether layers of the model are wrapped."""
    return any(isinstance(m, PruneByLevel) for m in compat.layers_within(model))


def is_held(model: keras.Model) -> bool:
    """Whether masks are held in place."""
    return held.is_held(model)


def count(
    original: Callable[..., Any], model: keras.Model, args: Any, kwargs: Any
) -> Any:
    """`summary` and `count_params`, which do not count masks."""
    with masks_uncounted():
        return original(*args, **kwargs)


def load_held(
    original: Callable[..., Any], model: keras.Model, args: Any, kwargs: Any
) -> Any:
    """`load_weights`, then all on their masks."""
    found = original(*args, **kwargs)
    for weight in Network.of(model).held:
        weight.write(masks.apply(weight.read(), weight.read_mask()))
    return found


def load(
    original: Callable[..., Any], model: keras.Model, args: Any, kwargs: Any
) -> Any:
    """`load_weights` of a file, whether the model that wrote it was wrapped or not.

    Raises:
        LotteryError: the model is of a class that cannot be unwrapped.
    """
    path = kwargs["filepath"] if "filepath" in kwargs else args[0] if args else None
    if path is None or compat.is_of_wrapped_model(str(path)) is not False:
        return original(*args, **kwargs)
    if not compat.is_functional(model):
        raise LotteryError(
            f"{path} holds the weights of a model that is not wrapped, and "
            f"{type(model).__qualname__} holds wrapped ones: load it before lth.wrap."
        )
    plain = unwrap(model)
    found = plain.load_weights(*args, **kwargs)
    pairs = zip(Network.of(plain).weights, Network.of(model).weights, strict=True)
    for source, target in pairs:
        target.write(masks.apply(source.read(), target.read_mask()))
    return found
