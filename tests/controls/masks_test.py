"""Controls of another mask: random, in one shot, at initialisation, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from tests.support import small_search as small
from tests.support.control_cases import (
    LEVEL,
    applied,
    largest,
    masks,
    on,
    search,
    values,
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    """Levels 0 to 2 of a small net, rewound to iteration 3."""
    return search(tmp_path_factory.mktemp("search"), rewind_to="3it")


def test_a_random_mask_keeps_each_layers_density_and_theta(searched):
    ticket, dense = searched.ticket(LEVEL), values(searched.theta)
    first, second = (applied(searched, "random_mask", seed=s).ticket for s in (1, 2))
    for index, mask in enumerate(masks(ticket)):
        if mask is None:
            continue
        a, b = masks(first)[index], masks(second)[index]
        assert a.sum() == b.sum() == mask.sum()
        assert not np.array_equal(a, b)
    assert small.same_bits(values(first), on(dense, masks(first)))
    assert first.step == 3


@pytest.mark.slow
def test_random_masks_are_uniform(tmp_path):
    one = search(tmp_path, levels=1)
    kept = sum(
        masks(applied(one, "random_mask", level=1, seed=s).ticket)[0].astype(int)
        for s in range(200)
    )
    density = one.ticket(1).weights[0].mask.mean()
    assert abs(kept.mean() / 200 - density) < 1e-9
    # Standard deviation of a frequency over 200 draws: about 0.033.
    assert np.abs(kept / 200 - density).max() < 0.15


@pytest.mark.slow
def test_in_global_scope_the_largest_of_all_layers_stay(tmp_path):
    one = search(tmp_path, small.kept(scope="global"), levels=1)
    ticket, initial = one.ticket(1), values(one.ticket(0))
    places = [i for i, m in enumerate(masks(ticket)) if m is not None]
    for text, scored in (("one_shot", one.trained_weights(0)),
                         ("prune_at_init", initial)):  # fmt: skip
        flat = np.concatenate([np.abs(scored[i]).reshape(-1) for i in places])
        chosen = largest(flat, sum(int(masks(ticket)[i].sum()) for i in places))
        found = masks(applied(one, text, level=1).ticket)
        ours = np.concatenate([found[i].reshape(-1) for i in places])
        np.testing.assert_array_equal(ours, chosen)
    # A random mask has each layer's own density, in any scope.
    random = masks(applied(one, "random_mask", level=1).ticket)
    assert [random[i].sum() for i in places] == [masks(ticket)[i].sum() for i in places]
    with pytest.raises(LotteryError, match="stock tfmot ranks the weights of each"):
        applied(one, "continued", level=1)
