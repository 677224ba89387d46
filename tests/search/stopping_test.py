"""Levels that end when their mask has settled, against masks pruned by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.search import stopping
from tests.support import small_search as small

RATE = 0.3  # of small.kept
EVERY = small.STEPS


class Seen(keras.callbacks.Callback):
    """The kernels at each evaluation, level by level."""

    def __init__(self):
        super().__init__()
        self.levels: list[list[list[np.ndarray]]] = []

    def on_train_begin(self, logs=None):
        self.levels.append([])

    def on_epoch_end(self, epoch, logs=None):
        values, masks = small.values(self.model), small.masks(self.model)
        pairs = zip(values, masks, strict=True)
        self.levels[-1].append([v for v, m in pairs if v.ndim == 2])


def searched(directory, stop, model=None, levels: int = 2, **given):
    """Levels of at most six evaluations, and the kernels at each."""
    seen = Seen()
    one = small.search(model or small.kept(), directory, levels, stop=stop)
    given = {"validation_data": small.VALIDATION, **given}
    small.fit(one, epochs=6, callbacks=[seen], evaluate_every=EVERY, **given)
    return one, seen.levels


def expected(kernels, begun, rule: lth.MaskConverged) -> tuple[list[float], int]:
    """The distances by hand, and the number of evaluations until it has settled."""
    found, distances, end = [], [], len(kernels)
    for number, values in enumerate(kernels, start=1):
        new = [
            small.pruned_by_hand(v, m, RATE) for v, m in zip(values, begun, strict=True)
        ]
        apart = [
            sum(int((a ^ b).sum()) for a, b in zip(new, old, strict=True))
            / sum(int(m.sum()) for m in begun)
            for old in found[-rule.window :]
        ]
        distances.append(max(apart, default=math.nan))
        if len(apart) == rule.window and distances[-1] <= rule.threshold:
            end = min(end, number)
        found.append(new)
    return distances, end


def test_a_level_ends_when_its_mask_has_settled_and_the_last_never(tmp_path):
    rule = lth.MaskConverged(threshold=0.25, window=2)
    one, seen = searched(tmp_path, rule)
    ends = []
    for level, kernels in enumerate(seen):
        begun = [mask for _, mask in one.ticket(level).pruned()]
        curve = one.history.curves[level]
        if level == one.levels:
            assert stopping.DISTANCE not in curve and len(kernels) == 6
            continue
        distances, end = expected(kernels, begun, rule)
        assert len(kernels) == end == one.results[level]["iterations"] / EVERY
        got = [math.nan if v is None else v for v in curve[stopping.DISTANCE]]
        assert np.allclose(got, distances, equal_nan=True)
        after = [mask for _, mask in one.ticket(level + 1).pruned()]
        for value, mask, new in zip(kernels[-1], begun, after, strict=True):
            assert np.array_equal(small.pruned_by_hand(value, mask, RATE), new)
        ends.append(end)
    # Else nothing would have been shown.
    assert min(ends) < 6
    assert lth.LotterySearch.load(str(tmp_path)).history.curves == one.history.curves


@pytest.mark.slow
def test_a_mask_that_is_watched_and_never_settles_changes_nothing(tmp_path):
    model = small.compiled(small.dense_model(dropout=0.3), criterion="movement")
    start = lth.Ticket.of(model, lth.capture(model))
    plain, _ = searched(tmp_path / "plain", None, model)
    start.apply(model)
    lth.rewind(model, start.start())
    rule = lth.MaskConverged(threshold=0.0, window=6)
    watched, _ = searched(tmp_path / "watched", rule, model)
    assert small.fingerprints(tmp_path / "plain") == small.fingerprints(
        tmp_path / "watched"
    )
    for mine, theirs in zip(watched.history.curves, plain.history.curves, strict=True):
        mine.pop(stopping.DISTANCE, None)
        assert mine == theirs


class Numbered(keras.utils.Sequence):
    """Batches by number."""

    def __len__(self) -> int:
        return small.STEPS

    def __getitem__(self, index: int):
        part = slice(9 * index, 9 * index + 9)
        return small.X[part], small.Y[part]


@pytest.mark.slow
def test_gradients_of_watched_masks_leave_the_epoch_and_its_data_alone(tmp_path):
    found = []
    for name, stop in (("plain", None), ("watched", lth.MaskConverged(0.0, 6))):
        model = small.compiled(criterion="snip")
        one = small.search(model, tmp_path / name, levels=1, stop=stop)
        # Of five steps a look is in the middle of an epoch.
        given = {"evaluate_every": 3, "shuffle": False, "verbose": 0}
        history = one.fit(Numbered(), epochs=2, **given)
        found.append(history.epochs)
    assert len(history.curves[0][stopping.DISTANCE]) > 2
    assert found[0] == found[1]
    assert small.fingerprints(tmp_path / "plain") == small.fingerprints(
        tmp_path / "watched"
    )


@pytest.mark.slow
def test_of_whole_filters_the_units_are_counted(tmp_path):
    model = small.compiled(granularity="filter", rate=RATE)
    one, seen = searched(tmp_path, lth.MaskConverged(0.0, 1), model, levels=1)
    scores = [np.abs(values[0]).sum(axis=0) for values in seen[0]]
    kept = [np.isin(np.arange(8), np.argsort(-s, kind="stable")[:6]) for s in scores]
    by_hand = [int((a ^ b).sum()) / 8 for a, b in zip(kept, kept[1:], strict=False)]
    assert one.history.curves[0][stopping.DISTANCE][1:] == by_hand


@pytest.mark.slow
def test_a_level_is_not_ended_before_the_step_that_is_rewound_to(tmp_path):
    rule = lth.MaskConverged(threshold=1.0, window=1)
    one = small.search(small.kept(), tmp_path, stop=rule, rewind_to="12it")
    small.fit(one, epochs=6, evaluate_every=EVERY)
    # 15 is the first evaluation behind 12; from there the second is at 20.
    assert [row["iterations"] for row in one.results] == [15, 20, 30]
    assert one.theta.step == 12


@pytest.mark.slow
def test_epochs_are_evaluations_where_nothing_is_evaluated(tmp_path):
    rule = lth.MaskConverged(threshold=1.0, window=2)
    one = small.search(small.kept(), tmp_path, levels=1, stop=rule)
    small.fit(one, epochs=6)
    assert [row["iterations"] for row in one.results] == [15, 30]


def test_a_search_goes_on_with_its_own_rule_alone(tmp_path):
    model = small.kept()
    one = small.search(model, tmp_path, levels=0, stop=lth.MaskConverged())
    small.fit(one, epochs=1)
    for other in (None, lth.MaskConverged(window=4)):
        with pytest.raises(LotteryError, match="stop"):
            small.fit(small.search(model, tmp_path, levels=0, stop=other), epochs=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stop": 0.1}, "stop=0.1: give lth.MaskConverged"),
        ({"stop": "mask_converged"}, "give lth.MaskConverged"),
        (
            {"stop": lth.MaskConverged(), "first": "prune"},
            "with first='prune' no level gives one: leave one of the two out",
        ),
    ],
)
def test_what_cannot_stop_a_level_is_one_line(tmp_path, given, said):
    with pytest.raises(LotteryError, match=said):
        small.search(small.kept(), tmp_path, **given)
