"""grow: pruned weights come back at zero, with slots as before the first step."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from tests.support import small_search as small


@pytest.fixture(scope="module")
def pruned() -> keras.Model:
    """Trained, pruned, and trained on, by an optimizer with slots."""
    model = small.compiled(optimizer=keras.optimizers.Adam(0.01))
    model.fit(small.X, small.Y, batch_size=10, verbose=0)
    lth.prune(model)
    model.fit(small.X, small.Y, batch_size=10, verbose=0)
    return model


def test_all_come_back_at_zero_and_train(pruned):
    model = pruned
    network = Network.of(model)
    before, masks = small.values(model), network.masks
    traced = model.train_function.experimental_get_tracing_count()
    assert lth.grow(model) == 1.0
    assert small.same_bits(small.values(model), before)
    lth.verify(model)
    released = [~mask for mask in masks]
    for slot in network.slots:
        for pruned_weight, gone in zip(network.pruned, released, strict=True):
            if slot.weight is pruned_weight:
                assert not np.asarray(slot.variable)[gone].any(), slot.name
    model.fit(small.X, small.Y, batch_size=10, verbose=0)
    for weight, gone in zip(network.pruned, released, strict=True):
        assert (weight.read()[gone] != 0).mean() > 0.5
    assert model.train_function.experimental_get_tracing_count() == traced
    lth.verify(model)


def test_masks_say_which_and_what_is_kept_stays():
    model = small.compiled()
    lth.prune(model)
    masks = Network.of(model).masks
    wanted = [np.zeros(mask.shape, bool) for mask in masks]
    wanted[0][0] = True
    density = lth.grow(model, wanted)
    found = Network.of(model).masks
    assert [f.tolist() for f in found] == [
        (mask | more).tolist() for mask, more in zip(masks, wanted, strict=True)
    ]
    kept, size = sum(m.sum() for m in found), sum(m.size for m in found)
    assert density == kept / size
    lth.verify(model)


def test_masks_that_do_not_fit_are_refused_and_nothing_is_released():
    model = small.compiled()
    lth.prune(model)
    before = [mask.tolist() for mask in Network.of(model).masks]
    for wrong in ([np.ones((6, 8), bool)], [np.ones((6, 8)), np.ones((8, 3))]):
        with pytest.raises(lth.LotteryError, match="masks= are .*: give a boolean"):
            lth.grow(model, wrong)
    with pytest.raises(lth.LotteryError, match="masks="):
        lth.grow(model, 3)
    assert [mask.tolist() for mask in Network.of(model).masks] == before
    with pytest.raises(lth.LotteryError, match="wrap it first"):
        lth.grow(small.dense_model())


@pytest.mark.slow
def test_what_goes_with_a_filter_comes_back_with_it():
    model = small.compiled(granularity="filter")
    lth.prune(model)
    network = Network.of(model)
    assert any(not weight.read_mask().all() for weight in network.held)
    assert lth.grow(model) == 1.0
    assert all(weight.read_mask().all() for weight in network.held)
    model.fit(small.X, small.Y, batch_size=10, verbose=0)
    lth.verify(model)
    # By its offset a filter has a gradient, whatever its scale.
    assert all((w.read() != 0).all() for w in network.held if w.name == "beta")
