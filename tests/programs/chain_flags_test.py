"""The flags of how levels follow each other: what they mean, and refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.masking.network import Network
from lth_keras.programs import building, costing, lottery_search, options, searches
from lth_keras.programs.command_line import FlagError


def read(*arguments: str) -> options.Options:
    return options.read(["lottery_search.py", *arguments], "About.")


def test_rates_by_round_are_of_each_kind_of_layer():
    found = read("--rate=0.36,0.36,0.19", "--levels=3")
    assert found.dense_rate == (0.36, 0.36, 0.19)
    assert found.output_rate == (0.18, 0.18, 0.095)
    own = read("--dense_rate=0.5,0", "--output_rate=0.1", "--levels=2")
    assert own.dense_rate == (0.5, 0.0) and own.output_rate == 0.1


def test_thrifty_has_ten_rounds_for_fifteen_and_half_the_iterations():
    found = read("--levels=15", "--iterations=10000", "--recipe=thrifty")
    assert (found.levels, found.last_level, found.shortest) == (15, 10, 5000)
    assert list(found.pruned_levels) == list(range(1, 11))
    other = dataclasses.replace(found, recipe="thrifty:length=0.25:rounds=0.8")
    assert (other.last_level, other.shortest) == (12, 2500)


def test_search_iterations_are_those_of_levels_that_are_not_kept():
    given = ["--levels=15", "--iterations=10000", "--search_iterations=2000"]
    found = read(*given, "--train_levels=9,15")
    kept = [level for level in range(16) if found.steps_at(level) == 10000]
    assert kept == [9, 15] and found.steps_at(0) == found.shortest == 2000
    # A level that there is not is not the shortest.
    alone = read("--levels=0", "--iterations=10000", "--search_iterations=2000")
    assert alone.steps_at(0) == alone.shortest == 10000
    last = read(*given)
    assert [last.steps_at(level) for level in (9, 14, 15)] == [2000, 2000, 10000]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate=0.2,1"], "one for each round with commas"),
        (["--recipe=frugal"], "use full, thrifty"),
        (["--recipe=thrifty:length=2"], "use full, thrifty"),
        (["--recipe=thrifty", "--search_iterations=5"], "says how long levels are"),
        (["--train_levels=1"], "goes with --search_iterations"),
        (["--search_iterations=9", "--iterations=8"], "more than --iterations=8"),
        (
            ["--search_iterations=9", "--train_levels=3", "--levels=2"],
            "level 3 is past the last",
        ),
        (["--rewind=all"], "use one of weights, learning_rate, none"),
        (["--rewind=none", "--rewind_to=5it"], "rewinds nothing"),
        (["--rewind=none", "--first=prune"], "keeps trained weights"),
        (["--budget=erk"], "erk:density=0.05"),
        (["--budget=erk:density=2"], "erk:density=0.05"),
        (["--budget=erk:density=0.1", "--rate=0.2"], "so does --rate"),
        (["--budget=erk:density=0.1", "--scope=global"], "is for --scope=layer"),
        (["--method=dsd", "--recipe=thrifty"], "--recipe is for --method=imp"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(arguments, said):
    with pytest.raises(FlagError) as caught:
        read(*arguments)
    assert said in str(caught.value)


@pytest.mark.slow
def test_a_budget_leaves_out_the_layers_that_the_paper_leaves_whole():
    found = read("--model=resnet20", "--budget=erk:density=0.1", "--levels=4")
    network = Network.of(building.wrapped_model(found, (8, 8, 3), 10, 0))
    paths = [weight.path for weight in network.pruned]
    assert not any("downsample" in path for path in paths)
    assert {len(rate) for rate in network.recipe.rates} == {4}
    kept = [
        np.prod(weight.shape) * np.prod(1 - np.array(rate))
        for weight, rate in zip(network.pruned, network.recipe.rates, strict=True)
    ]
    total = sum(np.prod(weight.shape) for weight in network.pruned)
    assert round(sum(kept)) == round(0.1 * total)


@pytest.mark.slow
def test_a_thrifty_job_is_as_sparse_as_the_level_that_was_asked_for(tmp_path, capsys):
    common = ["--levels=6", "--iterations=40", "--evaluate_every=20", "--jit=off"]
    common += ["--controls=random_reinit", "--hidden=20,10"]
    there = [f"--output_dir={tmp_path / name}" for name in ("thrifty", "full")]
    program = ["lottery_search.py", *common]
    lottery_search.main([*program, there[0], "--recipe=thrifty"])
    said = capsys.readouterr().out
    assert "4 levels of 20 and 1 level of 40 iterations" in said
    lottery_search.main([*program, there[1]])
    thrifty = lth.LotterySearch.load(tmp_path / "thrifty" / "trial0")
    full = lth.LotterySearch.load(tmp_path / "full" / "trial0")
    assert thrifty.levels == 4
    for ours, paper in zip(
        thrifty.ticket(4).pruned(), full.ticket(6).pruned(), strict=True
    ):
        assert ours[1].sum() == paper[1].sum()
    rows = {(r["control"], r["level"]): r["iterations"] for r in thrifty.results}
    assert [rows["ticket", level] for level in range(5)] == [20, 20, 20, 20, 40]
    # Controls train as long as the ticket that they are compared with.
    assert [rows["random_reinit", level] for level in range(1, 5)] == [20, 20, 20, 40]
    # The same command finds nothing to do.
    capsys.readouterr()
    lottery_search.main([*program, there[0], "--recipe=thrifty"])
    assert "levels of" not in capsys.readouterr().out


@pytest.mark.slow
def test_kept_levels_are_whole_and_the_next_mask_is_of_their_end(tmp_path):
    lottery_search.main(
        [
            *("lottery_search.py", "--levels=3", "--iterations=30", "--jit=off"),
            *("--search_iterations=10", "--train_levels=1,3", "--controls=none"),
            *("--evaluate_every=10", "--hidden=20,10", f"--output_dir={tmp_path}"),
        ]
    )
    found = lth.LotterySearch.load(tmp_path / "trial0")
    assert [row["iterations"] for row in found.results] == [10, 30, 10, 30]
    for before, level in ((0, 1), (1, 2)):
        ranked = [np.abs(v) for v in found.trained_weights(before) if v.ndim == 2]
        masks = [mask for _, mask in found.ticket(level).pruned()]
        for value, mask in zip(ranked, masks, strict=True):
            assert value[mask].min() >= value[~mask].max()


def test_the_costs_are_of_the_levels_that_are_trained():
    common = ["--dataset=mnist", "--levels=15", "--iterations=10000"]
    common += ["--controls=random_reinit", "--trials=2", "--recipe=thrifty"]
    found = costing.costs(read(*common))
    assert (found["ticket"].runs, found["ticket"].iterations) == (22, 120_000)
    assert (found["random_reinit"].runs, found["random_reinit"].iterations) == (
        20,
        2 * (9 * 5_000 + 10_000),
    )


def test_the_summary_says_how_long_levels_are():
    found = read("--levels=2", "--iterations=30", "--search_iterations=10")
    assert searches._levels(found) == "2 levels of 10 and 1 level of 30 iterations"
    same = read("--levels=2", "--iterations=30")
    assert searches._levels(same) == "3 levels of 30 iterations"
