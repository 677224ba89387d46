"""Gradual pruning: the mask shrinks within one fit, by the paper's cubic: by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.masking.network import Network
from tests.methods.sparse_evolution_test import Watch, compiled
from tests.support import small_search as small


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_the_smallest_weights_go_by_the_papers_schedule(scope):
    method = lth.methods.Gradual(
        small.dense_model(), density=0.25, start=1, end=6, every=2, scope=scope
    )
    model, watch = compiled(method), Watch()
    callbacks = [watch, *method.callbacks()]
    for _ in range(2):  # of five steps each
        model.fit(small.X, small.Y, batch_size=10, verbose=0, callbacks=callbacks)
    masks = [*watch.masks, Network.of(model).masks]
    sizes = [mask.size for mask in masks[0]]
    # What is done after a step is seen by this callback one step later.
    for step, found in enumerate(masks):
        last = step // 2 * 2
        left = min(max((6 - last) / 5, 0), 1) if last > 1 else 1
        share = 0.75 * (1 - left**3)
        kept = [mask.sum() for mask in found]
        if scope == "layer":
            assert kept == [size - round(size * share) for size in sizes], step
        else:
            assert sum(kept) == sum(sizes) - round(sum(sizes) * share), step
        if step:
            ranked = [np.abs(value) for value in watch.values[step - 1]]
            gone = [old & ~new for old, new in zip(masks[step - 1], found, strict=True)]
            places = [[0], [1]] if scope == "layer" else [[0, 1]]
            for group in places:
                out = np.concatenate([ranked[i][gone[i]] for i in group])
                stay = np.concatenate([ranked[i][found[i]] for i in group])
                assert out.size == 0 or out.max() <= stay.min()
    assert method.ticket().density == 0.25
    lth.verify(model)


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_a_ticket_that_keeps_more_since_training_stopped_early_is_warned_of(scope):
    method = lth.methods.Gradual(
        small.dense_model(), density=0.25, start=0, end=8, every=2, scope=scope
    )
    model = compiled(method)
    callbacks = method.callbacks()
    model.fit(small.X, small.Y, batch_size=10, verbose=0, callbacks=callbacks)
    share = 0.75 * (1 - (4 / 8) ** 3)  # of five steps the fourth was the last change
    sizes = [mask.size for mask in Network.of(model).masks]
    parts = sizes if scope == "layer" else [sum(sizes)]
    kept = sum(size - round(size * share) for size in parts)
    with pytest.warns(UserWarning, match=f"keeps {kept:,} weights.* before end=8"):
        assert round(method.ticket().density * sum(sizes)) == kept
    model.fit(small.X, small.Y, batch_size=10, verbose=0, callbacks=callbacks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert method.ticket().density == 0.25


def test_what_cannot_be_used_is_refused():
    model = small.dense_model()
    for given in ({"density": 1.0}, {"start": 1000}, {"end": 150}):
        with pytest.raises(lth.LotteryError, match="give a density below 1, and an"):
            lth.methods.Gradual(model, **given)
    with pytest.raises(lth.LotteryError, match="scope='all' is not known: use 'layer'"):
        lth.methods.Gradual(model, scope="all")


def test_fit_is_to_stop_where_masks_change():
    made = (lth.methods.Gradual, lth.methods.RigL, lth.methods.SparseEvolution)
    for kind in made:
        method = kind(small.dense_model(), density=0.2, every=20)
        assert method.stops == (20,)
    assert lth.methods.EdgePopup(small.dense_model()).stops == ()
