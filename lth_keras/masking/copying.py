"""A model made anew of converted layers, with weights and state of its own.

What `wrap` and `unwrap` share: every layer is replaced by what a function makes of
it, wherever it is used, and whatever cannot be copied faithfully is refused.
"""

from __future__ import annotations

import tempfile
import types
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError
from lth_keras.masking import sites as prunable
from lth_keras.masking.wrappers import PruneByLevel
from lth_keras.pruning import masks

_HOSTS = ("builtins", "lth_keras", "tensorflow", "tf_keras")


def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A new layer of the same configuration, weights not copied yet.

    Raises:
        LotteryError: the layer's configuration does not make such a layer.
    """
    if isinstance(layer, keras.layers.Lambda):
        _check_closure(layer)
    try:
        config = layer.get_config()
        if type(layer).from_config.__func__ is keras.layers.Layer.from_config.__func__:
            # Keras writes a lambda into a configuration, but cannot read it again.
            config.update(_functions(layer, config))
        with keras.utils.custom_object_scope(_custom_objects(layer)):
            return type(layer).from_config(config)
    except Exception as error:  # whatever a layer of the caller's raises
        raise LotteryError(
            f"layer {layer.name!r} ({type(layer).__name__}) cannot be copied: give "
            "it a get_config that holds its constructor's arguments "
            f"({_first_line(error)})"
        ) from error


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
        _check_calls(original)
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
                _check_alike(original, copy)
                if keeps_state(_bare(original)):
                    _copy_state(original, copy)
    _check_apart(model, new)
    return new


def _bare(layer: keras.layers.Layer) -> keras.layers.Layer:
    return layer.layer if isinstance(layer, PruneLowMagnitude) else layer


def _variables(layer: keras.layers.Layer) -> set[int]:
    """Identities of the distinct variables of a layer, masks not among them."""
    if isinstance(layer, keras.Model):
        return set().union(*(_variables(inner) for inner in layer.layers))
    return {id(compat.raw_variable(v)) for v in _bare(layer).weights}


def _copy_trainable(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Sets each `trainable` as it was, of inner layers too.

    Before the weights are copied: a layer lists them in an order that depends on it.
    """
    sources = compat.layers_within(_bare(original))
    targets = compat.layers_within(_bare(copy))
    if isinstance(original, keras.Model):
        # The layers of a model are pairs of their own.
        sources, targets = sources[:1], targets[:1]
    for source, target in zip(sources, targets, strict=False):
        compat.copy_trainable_flag(source, target)


def _build_alike(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Builds the copy of a layer that was built outside of the model around it."""
    shape = (_bare(original).get_build_config() or {}).get("input_shape")
    if _bare(original).built and not copy.built and shape is not None:
        with tf.name_scope(copy.name):
            copy.build(shape)


def _copy_state(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    source, target = _bare(original), _bare(copy)
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
        sites = prunable.sites(target, original.get_config()["embeddings"])
        for site, mask in zip(sites, original.read_masks(), strict=True):
            site.variable.assign(masks.apply(site.variable.numpy(), mask))


def _check_closure(layer: keras.layers.Lambda) -> None:
    """Refuses a function that would carry the caller's weights into the copy."""
    for cell in getattr(layer.function, "__closure__", None) or ():
        try:
            value = cell.cell_contents
        except ValueError:  # a name that is not bound yet
            continue
        if isinstance(value, (tf.Variable, keras.layers.Layer)):
            raise LotteryError(
                f"layer {layer.name!r} (Lambda) reads {value.name!r} from outside, "
                "which a copy would share with your model: write a layer that holds "
                "it and gives it in get_config."
            )


def _check_calls(model: keras.Model) -> None:
    """Refuses ops on variables, which a copy would share with the caller's model."""
    for variable in compat.variables_in_calls(model):
        raise LotteryError(
            f"model {model.name!r} hands the variable {variable.name!r} to a layer or "
            "TF op, which a copy would share with your model: write a layer that "
            "holds it."
        )


def _check_alike(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Refuses a copy with other weights than the original's."""
    wanted, found = len(_variables(original)), len(_variables(copy))
    if _bare(original).built and wanted != found:
        raise LotteryError(
            f"layer {original.name!r} ({type(_bare(original)).__name__}) cannot be "
            f"copied: it has {wanted} weights, a layer of its configuration {found}. "
            "Its get_config must hold all that makes its weights, and no layer may "
            "stand in it twice."
        )


def _check_apart(model: keras.Model, copy: keras.Model) -> None:
    """Refuses a copy that would share weights with the caller, or not with itself."""
    if not model.built:
        return
    ours = {id(compat.raw_variable(v)) for v in model.weights}
    for layer in compat.layers_within(copy):
        if layer.built and any(
            id(compat.raw_variable(v)) in ours for v in layer.weights
        ):
            raise LotteryError(
                f"layer {layer.name!r} ({type(layer).__name__}) would share its "
                "weights with your model: its get_config must serialise the layers "
                "it holds (keras.layers.serialize), not hand them on."
            )
    if len(_variables(model)) != len(_variables(copy)):
        twice = [
            f"{layer.name!r} ({type(layer).__name__})"
            for layer in _all_layers(model)
            if any(
                _variables(layer) & _variables(other)
                for other in _all_layers(model)
                if other is not layer
            )
        ]
        raise LotteryError(
            f"layers {', '.join(twice)} share weights, which copies of them would "
            "not: use one layer object in both places, or build them apart."
        )


def _all_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model and of the models inside it, each once."""
    found: dict[int, keras.layers.Layer] = {}
    for layer in model.layers:
        inner = _all_layers(layer) if isinstance(layer, keras.Model) else [layer]
        found.update((id(item), item) for item in inner)
    return list(found.values())


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
