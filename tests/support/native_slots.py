"""Slots of held Keras 3 models beside those of plain ones that are masked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import lth_keras as lth
from lth_keras.masking.network import Network
from tests.support import native_models as zoo
from tests.support import native_oracle as oracle

# Lists of slots that are zero where weights are pruned.
ZEROED = (
    "_momentums",
    "_velocities",
    "_velocity_hats",
    "_accumulated_gradients",
    "_model_variables_moving_average",
)


def fit(model: Any, x: Any, y: Any, *callbacks: Any, **more: Any) -> None:
    model.fit(
        x,
        y,
        batch_size=zoo.BATCH,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        **more,
    )


def masks_of(model: Any) -> oracle.Masks:
    """By position among `model.weights`."""
    by_key = {w.key: w.read_mask() for w in Network.of(model).held}
    return {i: by_key[id(v)] for i, v in enumerate(model.weights) if id(v) in by_key}


def other_than_by_hand() -> list[str]:
    """What differs from a plain model whose gradients are multiplied by the masks.

    With velocities of pruned weights that are zero, as after rewinding, or are left.
    """
    adam = keras.optimizers.Adam
    made: dict[str, Callable[[], Any]] = {
        "adam": lambda: adam(1e-2),
        "clipped": lambda: adam(1e-2, clipnorm=0.1),
        "averaged": lambda: adam(1e-2, use_ema=True, ema_momentum=0.5),
        "amsgrad": lambda: adam(1e-2, amsgrad=True),
        "accumulated": lambda: adam(1e-2, gradient_accumulation_steps=2),
        "adamw": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1),
        "nadam": lambda: keras.optimizers.Nadam(1e-2),
    }
    wrong = []
    for name, optimizer in made.items():
        for left in (0.0, 0.25, -0.0):
            held, plain = zoo.made("dense"), zoo.made("dense")
            for model, x, y in (held, plain):
                model.compile(optimizer(), zoo.loss(), **zoo.PLAIN)
                fit(model, x[: zoo.BATCH], y[: zoo.BATCH])
            lth.hold(held[0], rate=zoo.RATE)
            lth.prune(held[0])
            masks = masks_of(held[0])
            oracle.start_from(plain[0], oracle.values(held[0]), masks)
            oracle.multiply_gradients(plain[0], masks)
            plain[0].train_function = None
            for model, x, y in (held, plain):
                _leave(model, masks, left)
                fit(model, x, y)
            found = [
                [*oracle.values(model), *_slots(model)] for model, _, _ in (held, plain)
            ]
            pairs = zip(*found, strict=True)
            if count := sum(ours.tobytes() != other.tobytes() for ours, other in pairs):
                wrong.append(f"{name}, {left} left: {count} variables differ")
    return wrong


def other_than_by_hand_when_set_later() -> list[str]:
    """The same, of what the caller sets on optimizer or weight between two fits."""
    settings: dict[str, Callable[[Any], None]] = {
        "clipnorm": lambda model: setattr(model.optimizer, "clipnorm", 0.05),
        "global_clipnorm": lambda m: setattr(m.optimizer, "global_clipnorm", 0.05),
        "constraint": _constrain,
    }
    wrong = []
    for name, set_later in settings.items():
        held, plain = zoo.made("dense"), zoo.made("dense")
        for model, _, _ in (held, plain):
            model.compile(keras.optimizers.Adam(1e-2), zoo.loss(), **zoo.PLAIN)
            model.optimizer.build(model.trainable_variables)
        lth.hold(held[0], rate=zoo.RATE)
        lth.prune(held[0])
        masks = masks_of(held[0])
        oracle.start_from(plain[0], oracle.values(held[0]), masks)
        oracle.multiply_gradients(plain[0], masks)
        for model, x, y in (held, plain):
            fit(model, x, y)
            set_later(model)
            model.make_train_function(force=True)  # Compiled steps know nothing of it.
            fit(model, x, y)
        ours, others = (oracle.values(model) for model, _, _ in (held, plain))
        pairs = zip(ours, others, strict=True)
        if count := sum(a.tobytes() != b.tobytes() for a, b in pairs):
            wrong.append(f"{name}: {count} variables differ")
    return wrong


def _constrain(model: Any) -> None:
    for weight in model.weights:
        if weight.name == "kernel":
            weight.constraint = keras.constraints.UnitNorm()


def _leave(model: Any, masks: oracle.Masks, left: float) -> None:
    """Slots of pruned weights: velocities are what is left, the others zero."""
    optimizer = model.optimizer
    for index, mask in masks.items():
        place = optimizer._get_variable_index(model.weights[index])
        for name, slots in vars(optimizer).items():
            if name in ZEROED and slots:
                start = left if "velocit" in name else 0
                value = np.array(keras.ops.convert_to_numpy(slots[place].value))
                slots[place].assign(np.where(mask, value, np.float32(start)))


def _slots(model: Any) -> list[np.ndarray]:
    return [
        np.array(keras.ops.convert_to_numpy(variable.value))
        for variable in model.optimizer.variables
        if "pruned" not in variable.name
    ]
