"""Masks held in place under mixed precision, XLA, old optimizers, and run eagerly."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from tests.support import by_hand
from tests.support.masked_models import equal
from tests.support.own_models import made, residual, vae, writer

pytestmark = pytest.mark.slow
FIT = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_as_by_hand(policy):
    keras.mixed_precision.set_global_policy(policy)
    (held, data), (plain, _) = made(residual), made(residual)
    lth.hold(held, 0.5)
    masks = by_hand.random_masks(held)
    by_hand.mask_by_hand(plain, masks)
    for model in (held, plain):
        model.fit(**data, **FIT)
    assert equal(held.get_weights(), plain.get_weights())
    lth.verify(held)


@pytest.mark.parametrize("builder", [vae, residual, writer])
def test_compiled_by_xla_weights_are_exactly_on_the_masks(builder):
    model, data = made(builder)
    arguments = compat.compile_arguments(model)
    model.compile(**{**arguments, "jit_compile": True})
    lth.hold(model, 0.5)
    masks = by_hand.random_masks(model)
    before = model.get_weights()
    model.fit(**data, **FIT)
    assert by_hand.off_masks(model, masks) == []
    after = model.get_weights()
    assert all(not np.array_equal(before[i], after[i]) for i in masks)
    lth.verify(model)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.legacy.Adam(0.01),
        lambda: keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=4),
        lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=0.1),
        lambda: keras.optimizers.Ftrl(0.1),
    ],
    ids=["legacy_adam", "ema", "adamw", "ftrl"],
)
@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
def test_every_optimizer_obeys_and_is_rewound(optimizer, eager):
    model, data = made(vae)
    model.compile(optimizer(), run_eagerly=eager)
    lth.hold(model, 0.5)
    start = lth.capture(model)
    slots = {name: np.copy(value) for name, value in start.optimizer.items()}
    for _ in range(2):
        model.fit(**data, **FIT)
        lth.verify(model)
        lth.prune(model)
        lth.rewind(model, start)
        lth.verify(model)
    again = lth.capture(model).optimizer
    compared = [name for name in slots.keys() & again.keys() if "average" not in name]
    assert compared
    for name in compared:
        assert np.array_equal(
            np.broadcast_to(slots[name], again[name].shape), again[name]
        )
