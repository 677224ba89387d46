"""Masks held in place train as the plain model does with gradients masked by hand."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras import compat
from lth_keras.compat import keras
from tests.support import by_hand
from tests.support.masked_models import equal
from tests.support.own_models import CLASSES, made, vae

FIT = {"batch_size": 8, "shuffle": False, "verbose": 0}
each_class = pytest.mark.parametrize(
    "builder",
    [
        builder if builder is vae else pytest.param(builder, marks=pytest.mark.slow)
        for builder in CLASSES
    ],
    ids=lambda value: value.__name__,
)


class AfterEachStep(keras.callbacks.Callback):
    """Notes weights that are off their masks after a step."""

    def __init__(self, masks):
        super().__init__()
        self.masks, self.steps, self.off = masks, 0, []

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.off += by_hand.off_masks(self.model, self.masks)


@each_class
def test_a_held_model_trains_as_the_plain_one_masked_by_hand(builder):
    (held, data), (plain, _) = made(builder), made(builder)
    before = len(held.weights)
    assert lth.hold(held, 0.5) is held and len(held.weights) == before
    masks = by_hand.random_masks(held)
    assert len(masks) == CLASSES[builder]
    by_hand.mask_by_hand(plain, masks)
    watched = AfterEachStep(masks)
    for model, callbacks in ((held, [watched]), (plain, [])):
        compat.reset_generators(model, 7)
        model.fit(**data, epochs=2, callbacks=callbacks, **FIT)
    assert watched.steps == 6 and watched.off == []
    assert equal(held.get_weights(), plain.get_weights())
    lth.verify(held)
    assert lth.prune(held) < 0.5
    held.fit(**data, epochs=1, **FIT)
    lth.verify(held)
    steps = [model.train_tf_function for model in (held, plain)]
    traced = [step.experimental_get_tracing_count() for step in steps]
    assert traced[0] == traced[1]
