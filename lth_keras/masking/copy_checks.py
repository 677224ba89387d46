"""What cannot be copied faithfully is refused: shared weights, weights from outside."""

from __future__ import annotations

import tensorflow as tf

from lth_keras import compat
from lth_keras.compat import PruneLowMagnitude, keras
from lth_keras.errors import LotteryError


def bare(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer inside a pruning wrapper, or the layer itself."""
    return layer.layer if isinstance(layer, PruneLowMagnitude) else layer


def _variables(layer: keras.layers.Layer) -> set[int]:
    """Identities of the distinct variables of a layer, masks not among them."""
    if isinstance(layer, keras.Model):
        return set().union(*(_variables(inner) for inner in layer.layers))
    return {id(compat.raw_variable(v)) for v in bare(layer).weights}


def check_closure(layer: keras.layers.Lambda) -> None:
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


def check_calls(model: keras.Model) -> None:
    """Refuses ops on variables, which a copy would share with the caller's model."""
    for variable in compat.variables_in_calls(model):
        raise LotteryError(
            f"model {model.name!r} hands the variable {variable.name!r} to a layer or "
            "TF op, which a copy would share with your model: write a layer that "
            "holds it."
        )


def check_alike(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Refuses a copy with other weights than the original's."""
    wanted, found = len(_variables(original)), len(_variables(copy))
    if bare(original).built and wanted != found:
        raise LotteryError(
            f"layer {original.name!r} ({type(bare(original)).__name__}) cannot be "
            f"copied: it has {wanted} weights, a layer of its configuration {found}. "
            "Its get_config must hold all that makes its weights, and no layer may "
            "stand in it twice; or put the model on masks in place, lth.hold(model)."
        )


def check_apart(model: keras.Model, copy: keras.Model) -> None:
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
