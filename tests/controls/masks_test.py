"""Controls of another mask: random, in one shot, at initialisation, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
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


def test_masks_are_ranked_by_other_criteria_on_request(searched):
    ticket, initial = searched.ticket(LEVEL), values(searched.ticket(0))
    trained = searched.trained_weights(0)
    by_increase = masks(
        applied(searched, "one_shot:criterion=magnitude_increase").ticket
    )
    by_size = masks(applied(searched, "prune_at_init:scope=global").ticket)
    places = [i for i, m in enumerate(masks(ticket)) if m is not None]
    for index in places:
        scores = np.abs(trained[index]) - np.abs(initial[index])
        expected = largest(scores, int(masks(ticket)[index].sum()))
        np.testing.assert_array_equal(by_increase[index], expected)
    flat = np.concatenate([np.abs(initial[i]).reshape(-1) for i in places])
    found = np.concatenate([by_size[i].reshape(-1) for i in places])
    number = sum(int(masks(ticket)[i].sum()) for i in places)
    np.testing.assert_array_equal(found, largest(flat, number))


def test_the_lowest_are_kept_as_many_of_each_tensor_as_of_the_highest(searched):
    initial = values(searched.ticket(0))
    high = applied(searched, "prune_at_init:scope=global").ticket
    low = applied(searched, "prune_at_init:scope=global:keep=lowest").ticket
    assert (low.step, high.step, searched.ticket(LEVEL).step) == (0, 0, 3)
    for index, mask in enumerate(masks(high)):
        if mask is not None:
            expected = largest(-np.abs(initial[index]), int(mask.sum()))
            np.testing.assert_array_equal(masks(low)[index], expected)
    assert small.same_bits(values(low), on(initial, masks(low)))


def test_a_mask_is_shuffled_within_each_tensor(searched):
    initial, theta = values(searched.ticket(0)), values(searched.theta)
    for text, start in (("prune_at_init:scope=global", initial), ("one_shot", theta)):
        plain = applied(searched, text).ticket
        shuffled = applied(searched, f"{text}+random_mask").ticket
        for mine, theirs in zip(masks(shuffled), masks(plain), strict=True):
            assert mine is None or mine.sum() == theirs.sum()
        assert shuffled.fingerprint != plain.fingerprint
        assert small.same_bits(values(shuffled), on(start, masks(shuffled)))
        assert shuffled.step == plain.step


@pytest.mark.slow
def test_a_criterion_of_the_whole_network_sees_theta_0(searched):
    network = searched.network
    for criterion, rate in (("snip", 0.3), ("synflow", 0.3)):
        control = f"prune_at_init:criterion={criterion}"
        found = applied(searched, control, level=1).ticket
        alone = small.compiled(rate=rate, criterion=criterion)
        searched.ticket(0).apply(alone)
        lth.prune(alone, data=searched.pruning_data(searched.plan, 1))
        expected = [weight.read_mask() for weight in Network.of(alone).pruned]
        assert small.same_bits([m for m in masks(found) if m is not None], expected)
    assert network.density <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one_shot:criterion=mine", "criterion='mine' is not known"),
        ("prune_at_init:criterion=mine", "criterion='mine' is not known"),
        ("prune_at_init:scope=all", "scope='all' is not known"),
        ("prune_at_init:keep=some", "keep=some is not known: use keep=lowest"),
    ],
)
def test_what_a_mask_is_asked_for_is_checked_before_training(searched, text, said):
    with pytest.raises(LotteryError, match=said):
        applied(searched, text)
