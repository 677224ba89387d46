"""A model made anew of converted layers, with weights and state of its own.

What `wrap` and `unwrap` share: every layer is replaced by what a function makes of
it, wherever it is used, and whatever cannot be copied faithfully is refused.
"""

from __future__ import annotations

import tempfile
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import copy_checks
from lth_keras.masking.copy_checks import bare
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.pruning import masks

_HOSTS = ("builtins", "lth_keras", "tensorflow", "tf_keras")


def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A new layer of the same configuration, weights not copied yet.

    Raises:
        LotteryError: the layer's configuration does not make such a layer.
    """
    if isinstance(layer, keras.layers.Lambda):
        copy_checks.check_closure(layer)
    try:
        config = {**compat.lost_arguments(layer), **layer.get_config()}
        if type(layer).from_config.__func__ is keras.layers.Layer.from_config.__func__:
            # Keras writes a lambda into a configuration, but cannot read it again.
            config.update(_functions(layer, config))
        with keras.utils.custom_object_scope(_custom_objects(layer)):
            copy = _of_config(type(layer), config)
    except Exception as error:  # whatever a layer of the caller's raises
        raise LotteryError(
            f"layer {layer.name!r} ({type(layer).__name__}) cannot be copied: give "
            "it a get_config that holds its constructor's arguments, or put the model "
            f"on masks in place, lth.hold(model) ({_first_line(error)})"
        ) from error
    if copy.name != layer.name:
        # A configuration that Keras derives by itself, or one without the parent's.
        compat.set_name(copy, layer.name)
    return copy


def rebuilt(
    model: keras.Model,
    convert: Callable[[keras.layers.Layer], keras.layers.Layer],
    keeps_state: Callable[[keras.layers.Layer], bool] = lambda layer: True,
) -> keras.Model:
    """The model made anew of converted layers, with the weights copied.

    Args:
        model: a Sequential or Functional model, wrapped or not.
        convert: makes a layer's replacement, of the same weights; it is called once
            for each layer, however often and in however many models it is used.
        keeps_state: whether a layer's weights are copied.

    Returns:
        A new model of the same class, made in the strategy's scope of the old one.

    Raises:
        LotteryError: the copy would lose something, or share it with `model`.
    """
    made: dict[int, tuple[keras.layers.Layer, keras.layers.Layer]] = {}

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) not in made:
            nested = isinstance(layer, keras.Model) and compat.is_functional(layer)
            made[id(layer)] = layer, clone_model(layer) if nested else convert(layer)
        return made[id(layer)][1]

    def clone_model(original: keras.Model) -> keras.Model:
        copy_checks.check_calls(original)
        try:
            copy = keras.models.clone_model(original, clone_function=clone)
        except LotteryError:
            raise
        except Exception as error:  # whatever layers or ops of the caller's raise
            raise LotteryError(
                f"model {original.name!r} cannot be copied: {_first_line(error)}"
            ) from error
        if type(copy) is not type(original):
            raise LotteryError(
                f"model {original.name!r} is of a class of its own "
                f"({type(original).__qualname__}), which a copy would lose: build it "
                "as keras.Model(inputs, outputs)."
            )
        if original.built and not copy.built:
            copy.build(original.input_shape)
        return copy

    with model.distribute_strategy.scope():
        new = clone_model(model)
        pairs = [(model, new), *made.values()]
        for original, copy in pairs:
            _copy_trainable(original, copy)
        for original, copy in pairs:
            if not (
                isinstance(original, keras.Model) and compat.is_functional(original)
            ):
                _build_alike(original, copy)
                copy_checks.check_alike(original, copy)
                if keeps_state(bare(original)):
                    _copy_state(original, copy)
    copy_checks.check_apart(model, new)
    return new


def _copy_trainable(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Sets each `trainable` as it was, of inner layers too.

    Before the weights are copied: a layer lists them in an order that depends on it.
    """
    sources = compat.layers_within(bare(original))
    targets = compat.layers_within(bare(copy))
    if isinstance(original, keras.Model):
        # The layers of a model are pairs of their own.
        sources, targets = sources[:1], targets[:1]
    for source, target in zip(sources, targets, strict=False):
        compat.copy_trainable_flag(source, target)


def _build_alike(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Builds the copy of a layer that was built outside of the model around it."""
    shape = (bare(original).get_build_config() or {}).get("input_shape")
    if bare(original).built and not copy.built and shape is not None:
        with tf.name_scope(copy.name):
            copy.build(shape)


def _copy_state(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    source, target = bare(original), bare(copy)
    if hasattr(source, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            source.save_assets(folder)
            target.load_assets(folder)
    if not source.built:
        return
    target.set_weights(source.get_weights())
    if hasattr(target, "finalize_state"):
        target.finalize_state()
    if isinstance(original, PruneByLevel):
        values = zip(original.read_masks(), original.read_frozen(), strict=True)
        for site, (mask, frozen) in zip(original.held_in(target), values, strict=True):
            kept = masks.apply(site.variable.numpy(), mask)
            if frozen is not None and not isinstance(copy, PruneByLevel):
                # Nothing else would hold them in the copy.
                kept = np.where(mask, kept, frozen.astype(kept.dtype))
            site.variable.assign(kept)


def _custom_objects(layer: keras.layers.Layer) -> dict[str, Any]:
    """Classes and functions of the caller's that the configuration names.

    Keras finds them by name if they are registered, and some of its layers then
    still look for the bare name. Here the objects themselves are at hand.
    """
    found: dict[str, Any] = {}
    for inner in compat.layers_within(layer):
        for value in (inner, *vars(inner).values()):
            made = value if isinstance(value, types.FunctionType) else type(value)
            if made.__module__.split(".")[0] not in _HOSTS and (
                made is value or hasattr(value, "get_config")
            ):
                found[made.__name__] = made
    return found


def _of_config(kind: Any, config: dict[str, Any]) -> keras.layers.Layer:
    """A layer of a configuration, in which functions may stand as they are."""
    try:
        return kind.from_config(dict(config))
    except Exception:  # Whatever a layer of the caller's raises.
        # Some of Keras's write a function, and read only what a file would hold of it.
        if not any(isinstance(v, types.FunctionType) for v in config.values()):
            raise
        return kind(**config)


def _functions(layer: keras.layers.Layer, config: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments that are functions, such as an activation."""
    return {
        name: value
        for name, value in vars(layer).items()
        if name in config and callable(value) and not hasattr(value, "get_config")
    }


def _first_line(error: Any) -> str:
    """The reason in a message, which Keras puts below a dump of the configuration."""
    text = str(error).rpartition("Exception encountered: ")[2].strip()
    return text.splitlines()[0] if text else type(error).__name__
