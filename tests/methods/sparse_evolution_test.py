"""SET: the mask moves within one fit, and everything else holds."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from tests.support import small_search as small


class Watch(keras.callbacks.Callback):
    """Masks and weights after every step."""

    def __init__(self):
        super().__init__()
        self.masks, self.values = [], []

    def on_train_batch_end(self, batch, logs=None):
        network = Network.of(self.model)
        lth.verify(network)
        self.masks.append([mask.copy() for mask in network.masks])
        self.values.append([weight.read() for weight in network.pruned])


def compiled(method: lth.methods.Method, **arguments) -> keras.Model:
    method.model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **arguments,
    )
    return method.model


def test_the_smallest_weights_change_places_every_so_many_steps():
    method = lth.methods.SparseEvolution(
        small.dense_model(), density=0.5, drop=0.25, every=3
    )
    model, watch = compiled(method), Watch()
    callbacks = [watch, *method.callbacks()]
    for _ in range(2):  # of five steps each
        model.fit(small.X, small.Y, batch_size=10, verbose=0, callbacks=callbacks)
    masks = watch.masks + [Network.of(model).masks]
    for before, mask in zip(masks, masks[1:], strict=False):
        assert [m.sum() for m in mask] == [m.sum() for m in before] == [24, 12]
    first = [mask[0] for mask in masks]
    pairs = enumerate(zip(first, first[1:], strict=False), start=1)
    moved = [step for step, (old, new) in pairs if (old != new).any()]
    # Seen by the callback that stands before, a step later.
    assert moved == [3, 6, 9]
    for step in moved:
        for place in (0, 1):
            old, new = masks[step - 1][place], masks[step][place]
            gone, come = old & ~new, new & ~old
            assert gone.sum() == come.sum() == round(0.25 * old.sum())
            sizes = np.abs(watch.values[step - 1][place])
            assert sizes[gone].max() <= sizes[old & new].min()
    assert method.ticket().density == 0.5
    lth.verify(model)


def test_what_cannot_be_used_is_refused():
    model = small.dense_model()
    for given in ({"density": 1.0}, {"drop": 0}, {"drop": 1}):
        with pytest.raises(lth.LotteryError, match="give shares above 0"):
            lth.methods.SparseEvolution(model, **given)
    with pytest.raises(lth.LotteryError, match="every=0"):
        lth.methods.SparseEvolution(model, every=0)
    method = lth.methods.SparseEvolution(model, every=3)
    compiled(method, steps_per_execution=2)
    with pytest.raises(lth.LotteryError, match="steps_per_execution passes over"):
        method.model.fit(
            small.X, small.Y, batch_size=10, verbose=0, callbacks=method.callbacks()
        )
