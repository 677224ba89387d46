"""Levels of different length, thrifty searches, chains that keep trained weights."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from lth_keras.storage import paths
from lth_keras.training import batches
from tests.support import small_search as small
from tests.support.small_search import STEPS, Record, X, Y, fit, search


def drops() -> keras.optimizers.Optimizer:
    """SGD whose rate falls within a level of two epochs."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([6], [0.1, 0.01])
    return keras.optimizers.SGD(schedule)


def test_a_thrifty_search_ends_at_the_counts_of_the_paper_s_in_shorter_levels(
    tmp_path,
) -> None:
    one = search(small.compiled(), tmp_path, 6, recipe="thrifty")
    assert one.levels == 4
    fit(one, epochs=2)
    rows = one.results
    assert [row["iterations"] for row in rows] == [STEPS] * 4 + [2 * STEPS]
    sizes = [6 * 8, 8 * 3]
    wanted = list(sizes)
    for _ in range(6):
        wanted = [n - round(0.3 * n) for n in wanted]
    ticket = one.ticket(4)
    assert [int(mask.sum()) for _, mask in ticket.pruned()] == wanted
    assert rows[-1]["density"] == sum(wanted) / sum(sizes)
    # Its weights are theta_0, and its mask is of the largest that level 3 ended with.
    before, theta = one.trained_weights(3), one.ticket(0).weights
    kernels = [i for i, w in enumerate(theta) if w.value.ndim == 2]
    for index, (_, mask) in zip(kernels, ticket.pruned(), strict=True):
        was = [m for _, m in one.ticket(3).pruned()][kernels.index(index)]
        oracle = np.zeros(mask.size, bool)
        order = np.argsort(-np.abs(before[index]).ravel(), kind="stable")
        oracle[[i for i in order if was.ravel()[i]][: int(mask.sum())]] = True
        assert np.array_equal(mask, oracle.reshape(mask.shape))
        expected = small.masked(theta[index].value, mask)
        assert small.same_bits([ticket.weights[index].value], [expected])


@pytest.mark.slow
def test_a_thrifty_search_that_was_cut_short_ends_the_same(tmp_path) -> None:
    def started(name: str) -> lth.LotterySearch:
        recipe = lth.recipes.thrifty(length=0.7)
        model = small.compiled()
        return search(model, tmp_path / name, None, target_density=0.2, recipe=recipe)

    fit(started("whole"))
    fit(cut := started("cut"))
    assert cut.levels == 3  # Two thirds of 5.
    last = cut.directory.level(2)
    for later in (cut.directory.level(3), last):
        paths.remove_directory(later.root)
    fit(started("cut"))
    assert small.lines(tmp_path / "cut") == small.lines(tmp_path / "whole")
    assert small.fingerprints(tmp_path / "cut") == small.fingerprints(
        tmp_path / "whole"
    )
    # 7 of 10 steps are no whole epochs: they are one.
    assert [row["iterations"] for row in cut.results] == [7, 7, 7, 10]
    other = search(small.compiled(), tmp_path / "cut", 5)
    with pytest.raises(LotteryError, match="levels"):
        fit(other)


@pytest.mark.slow
def test_epochs_and_steps_may_be_functions_of_the_level(tmp_path) -> None:
    one = search(small.kept(), tmp_path / "a", 3)
    fit(one, epochs=lambda level: [1, 2, 3, 1][level])
    assert [row["iterations"] for row in one.results] == [5, 10, 15, 5]
    two = search(small.kept(), tmp_path / "b", 1)
    fit(two, epochs=1, steps_per_epoch=lambda level: [4, 7][level])
    assert [row["iterations"] for row in two.results] == [4, 7]
    # A control has the length of its level.
    (row,) = lth.controls.run(one, "random_reinit", levels=[2])
    assert row["iterations"] == 15
    # All of the same length are a search like any other.
    fit(search(small.kept(), tmp_path / "c", 1), epochs=2)
    same = search(small.kept(), tmp_path / "c", 1)
    fit(same, epochs=lambda level: 2)
    assert len(same.results) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": lambda level: 1 / level}, r"epochs\(0\) raised ZeroDivisionError"),
        ({"epochs": lambda level: 1 - level}, r"epochs\(1\)=0"),
        ({"epochs": lambda: 1}, "epochs=.*takes"),
        ({"steps_per_epoch": lambda level: "3"}, r"steps_per_epoch\(0\)='3'"),
    ],
)
def test_a_function_that_gives_no_length_is_refused(given, said, tmp_path) -> None:
    one = search(small.kept(), tmp_path / "run", 2)
    with pytest.raises(LotteryError, match=said):
        fit(one, **given)
    assert not (tmp_path / "run").exists()


def test_a_step_to_rewind_to_is_before_the_end_of_every_level(tmp_path) -> None:
    one = search(small.kept(), tmp_path, 2, rewind_to="7it")
    with pytest.raises(LotteryError, match="past the end of a level of 5 iterations"):
        fit(one, epochs=lambda level: [2, 2, 1][level])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rewind": "all"}, "use weights, learning_rate, none"),
        ({"rewind": "none", "first": "prune"}, "keeps trained weights"),
        ({"recipe": "frugal"}, "recipe='frugal' is not known"),
        ({"recipe": "thrifty:length=9"}, "length=9.0"),
    ],
)
def test_what_is_no_chain_is_refused(given, said, tmp_path) -> None:
    with pytest.raises(LotteryError, match=said):
        search(small.kept(), tmp_path, 2, **given)


def by_hand(rewind: str, levels: int) -> list[list[np.ndarray]]:
    """The weights that each level ends with, of a plain model in a loop."""
    model = small.dense_model()
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    theta = model.get_weights()
    kernels = [i for i, w in enumerate(theta) if w.ndim == 2]
    masks = {i: np.ones(theta[i].shape, bool) for i in kernels}
    found = []
    for level in range(levels + 1):
        start = theta if level == 0 or rewind == "weights" else found[-1]
        if level:
            for i in kernels:
                masks[i] = small.pruned_by_hand(found[-1][i], masks[i], 0.3)

        def hold(values, masks=masks) -> list[np.ndarray]:
            return [
                small.masked(v, masks[i]) if i in masks else v
                for i, v in enumerate(values)
            ]

        model.set_weights(hold(start))
        stream = batches.batches((X, Y), small.BATCH, seed=3, level=level)
        for step in range(2 * STEPS):
            late = step > 6 or (rewind == "none" and level)
            keras.backend.set_value(
                model.optimizer.learning_rate, 0.01 if late else 0.1
            )
            model.fit(stream.skip(step), steps_per_epoch=1, verbose=0)
            model.set_weights(hold(model.get_weights()))
        found.append(model.get_weights())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("rewind", ["weights", "learning_rate", "none"])
def test_a_chain_is_the_loop_by_hand(rewind, tmp_path) -> None:
    one = search(small.compiled(optimizer=drops()), tmp_path, 2, rewind=rewind)
    fit(one)
    for level, expected in enumerate(by_hand(rewind, 2)):
        for ours, hand in zip(one.trained_weights(level), expected, strict=True):
            np.testing.assert_allclose(ours, hand, rtol=2e-5, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rewind", ["learning_rate", "none"])
def test_a_chain_starts_each_level_from_what_the_one_before_ended_with(
    rewind, tmp_path
) -> None:
    record = Record()
    model = small.compiled(optimizer=keras.optimizers.Adam(0.01))
    one = search(model, tmp_path / "whole", 2, rewind=rewind)
    fit(one, callbacks=[record])
    for level in (1, 2):
        values, step, _, _ = record.began[level]
        ticket = one.ticket(level)
        masks = dict(zip(_kernels(one), (m for _, m in ticket.pruned()), strict=True))
        trained = one.trained_weights(level - 1)
        expected = [
            small.masked(v, masks[i]) if i in masks else v
            for i, v in enumerate(trained)
        ]
        assert small.same_bits(values, expected) and step == 0
        assert ticket.step == 0
    # Cut short after the first level, it ends the same.
    again = search(
        small.compiled(optimizer=keras.optimizers.Adam(0.01)),
        tmp_path / "cut",
        2,
        rewind=rewind,
    )
    fit(again)
    for level in (1, 2):
        paths.remove_directory(again.directory.level(level).root)
    fit(again)
    assert small.lines(tmp_path / "cut") == small.lines(tmp_path / "whole")
    # Its first level is the control of that name, but for the order of the data.
    name = "lr_rewind" if rewind == "learning_rate" else "fine_tune"
    lth.controls.run(one, name, levels=[1])
    control = lth.Ticket.load(one.directory.control(name, 1, 0).ticket)
    assert small.same_bits(
        [w.value for w in control.weights], [w.value for w in one.ticket(1).weights]
    )
    with pytest.raises(LotteryError):
        fit(search(small.kept(), tmp_path / "cut", 2))


def _kernels(one: lth.LotterySearch) -> list[int]:
    weights = Network.of(one.model).weights
    return [index for index, weight in enumerate(weights) if weight.is_pruned]


@pytest.mark.slow
def test_learning_rate_rewinding_goes_back_to_a_later_step_too(tmp_path) -> None:
    record = Record()
    one = search(small.compiled(), tmp_path, 2, rewind="learning_rate", rewind_to="4it")
    fit(one, callbacks=[record])
    assert [step for _, step, _, _ in record.began] == [0, 4, 4]
    assert record.steps == [10, 6, 6]
    assert small.same_bits(
        [w.value for w in one.ticket(2).weights if w.value.ndim == 1],
        [v for v in one.trained_weights(1) if v.ndim == 1],
    )


@pytest.mark.slow
def test_rates_by_level_are_the_search_s_and_the_loop_s_by_hand(tmp_path) -> None:
    one = search(small.compiled(rate=[0.5, 0.2]), tmp_path, 2)
    fit(one)
    expected = [48, 24], [24, 12], [19, 10]
    for level, counts in enumerate(expected):
        assert [int(m.sum()) for _, m in one.ticket(level).pruned()] == counts
    with pytest.raises(LotteryError, match="rates for 2 rounds: use levels=2"):
        search(small.compiled(rate=[0.5, 0.2]), tmp_path / "x", 3)
    # The functions by hand tell the round from what is left.
    model = small.compiled(rate=lambda level: [0.0, 0.5, 0.2, None][level])
    for counts in expected[1:]:
        lth.prune(model)
        assert [int(m.sum()) for m in Network.of(model).masks] == counts
    with pytest.raises(LotteryError, match="this would be round 3"):
        lth.prune(model)


def test_rates_by_level_are_kept_in_a_saved_model(tmp_path) -> None:
    model = lth.wrap(small.dense_model(), {"": [0.5, 0.2]})
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert Network.of(loaded).recipe.rates == ((0.5, 0.2), (0.5, 0.2))


def test_a_budget_shares_out_the_density_of_a_wrapped_model() -> None:
    model = lth.wrap(small.dense_model(), lth.budgets.erk(0.5, rounds=2))
    for level in (1, 2):
        lth.prune(model, level=level)
    # 36 of 72 weights in proportion to 6 + 8 and 8 + 3.
    assert [int(m.sum()) for m in Network.of(model).masks] == [20, 16]
    with pytest.raises(LotteryError, match="does not go with a budget"):
        lth.wrap(small.dense_model(), lth.budgets.erk(0.5), output_rate=0.1)
    unbuilt = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(2)])
    with pytest.raises(LotteryError, match="call model.build"):
        lth.wrap(unbuilt, lth.budgets.uniform(0.5))


def test_a_stock_schedule_fires_once_for_each_rate() -> None:
    schedule = lth.IterativePruning([0.5, 0.2], steps_per_level=10)
    found = [schedule(step) for step in (1, 11, 21, 31)]
    assert [bool(fires) for fires, _ in found] == [False, True, True, False]
    np.testing.assert_allclose([float(s) for _, s in found[1:]], [0.5, 0.6, 0.6])
    again = lth.IterativePruning.from_config(schedule.get_config()["config"])
    assert again.rate == (0.5, 0.2)


def test_a_search_s_plan_says_how_each_level_is_trained(tmp_path) -> None:
    one = search(small.kept(), tmp_path, 2, recipe="thrifty", rewind="none")
    with pytest.raises(LotteryError, match="call fit, or prepare"):
        one.plan_at(1)
    plan, _, settings = one.plan_for(x=X, y=Y, batch_size=small.BATCH, epochs=2)
    assert [plan.of(level).iterations for level in (0, 1)] == [STEPS, 2 * STEPS]
    assert one.plan_at(1).after == STEPS
    assert settings["epochs"] == [1, 2] and settings["rewind"] == "none"
