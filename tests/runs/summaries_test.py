"""What summaries and tables say about result rows, and what they refuse."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import summaries, tables, wording
from lth_keras.runs.summaries import Statistic
from tests.support.result_files import row, search

# Summaries.


def test_trials_and_replicates_are_joined_to_mean_minimum_and_maximum():
    rows = [
        row(3, trial=0, test_accuracy=0.5, density=0.25),
        row(3, trial=1, test_accuracy=0.75, density=0.75),
        row(3, trial=1, replicate=1, test_accuracy=1.0, density=0.5),
    ]
    (summary,) = summaries.summarise(rows)
    assert (summary.control, summary.level) == ("ticket", 3)
    assert (summary.samples, summary.trials) == (3, 2)
    # The mean of trial 0 and of the mean of trial 1's two replicates.
    assert summary.density == (0.25 + (0.75 + 0.5) / 2) / 2
    mean = (0.5 + (0.75 + 1.0) / 2) / 2
    assert summary.metrics["test_accuracy"] == Statistic(mean, 0.5, 1.0, 3, 2)


def test_rows_without_a_trial_are_of_trial_0():
    first = row(1, test_accuracy=0.5)
    del first["trial"]
    rows = [
        first,
        row(1, replicate=1, test_accuracy=0.75),
        row(1, trial=1, test_accuracy=1.0),
    ]
    (summary,) = summaries.summarise(rows)
    mean = ((0.5 + 0.75) / 2 + 1.0) / 2
    assert summary.metrics["test_accuracy"] == Statistic(mean, 0.5, 1.0, 3, 2)


def test_what_a_run_did_not_measure_is_not_counted():
    first = row(test_accuracy=None, train_accuracy=None)
    del first["early_stop_iteration"]
    (summary,) = summaries.summarise([first, row(train_accuracy=None)])
    assert summary.samples == 2
    assert summary.metrics["test_accuracy"] == Statistic(0.975, 0.975, 0.975, 1, 1)
    assert summary.metrics["early_stop_iteration"] == Statistic(400, 400, 400, 1, 1)
    assert summary.metrics["train_accuracy"] is None


def test_the_ticket_comes_first_then_controls_as_met_and_levels_ascend():
    rows = [row(2, "b"), row(1, "b"), row(1, "a"), row(1), row(0)]
    found = [(s.control, s.level) for s in summaries.summarise(rows)]
    assert found == [("ticket", 0), ("ticket", 1), ("b", 1), ("b", 2), ("a", 1)]


def test_other_parameters_are_another_control():
    rows = [
        row(1, "noise", parameters={"sigma": 0.5, "seed": 1}),
        row(1, "noise", parameters={"sigma": 3}),
        row(1, "noise", parameters={"seed": 1, "sigma": 0.5}),
    ]
    first, second = summaries.summarise(rows)
    assert (first.label, first.samples) == ("noise seed=1 sigma=0.5", 2)
    assert (second.label, second.samples) == ("noise sigma=3", 1)


def test_no_rows_are_refused():
    for make in (summaries.summarise, tables.table):
        with pytest.raises(LotteryError, match="no result rows"):
            make([])


def test_a_row_without_a_level_is_refused_with_its_number():
    with pytest.raises(LotteryError, match="result row 2 has no 'level'"):
        summaries.summarise([row(), {"control": "ticket", "density": 1.0}])


@pytest.mark.parametrize("density", [0.0, 51.3])
def test_a_density_that_is_no_fraction_is_refused(density):
    with pytest.raises(LotteryError, match=f"result row 1 has density {density}"):
        summaries.summarise([row(density=density)])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metrics", [1]),
        ("metrics", {"test_loss": "low"}),
        ("early_stop_metrics", {"two\nlines": 1.0}),
        ("monitor_metric", 3),
        ("early_stop_censored", "yes"),
    ],
)
def test_metrics_that_are_none_are_refused(field, value):
    with pytest.raises(LotteryError, match=f"result row 1 has {field} ") as error:
        summaries.summarise([row(**{field: value})])
    assert "\n" not in str(error.value)


# Tables.


def test_the_table_of_single_runs_has_a_line_per_level():
    rows = [
        row(0, test_accuracy=0.978, early_stop_iteration=3800),
        row(9, density=0.1352, early_stop_iteration=2400),
        row(9, "random_reinit", density=0.1352, test_accuracy=None),
    ]
    table, note = tables.table(rows).split("\n\n")
    assert table.split("\n") == [
        "                        ticket                  random_reinit",
        "level  P_m %  stop at accuracy final acc  stop at accuracy final acc",
        "    0  100.0     3800    98.00     97.80        -        -         -",
        "    9   13.5     2400    98.00     97.50      400    98.00         -",
    ]
    assert note.startswith("P_m: weights kept.") and "min-max" not in note


def test_the_table_of_several_runs_has_their_range_below_the_mean():
    rows = [
        row(0, trial=0, test_accuracy=0.97, early_stop_iteration=300),
        row(0, trial=1, test_accuracy=0.98, early_stop_iteration=400),
        row(1, trial=0, density=0.8),
    ]
    table, note = tables.table(rows).split("\n\n")
    assert table.split("\n") == [
        "                          ticket (n=1-2)",
        "level  P_m %    stop at      accuracy     final acc",
        "    0  100.0        350         98.00         97.50",
        "              (300-400) (98.00-98.00) (97.00-98.00)",
        "    1   80.0        400         98.00         97.50",
    ]
    assert "(min-max)" in note


def test_an_iteration_that_the_end_of_training_cut_off_is_a_lower_bound():
    cut = {"early_stop_iteration": 2000, "early_stop_censored": True}
    rows = [
        row(0, trial=0, early_stop_iteration=1800),
        row(0, trial=1, **cut),
        row(1, trial=0, **cut),
        row(1, trial=1, early_stop_iteration=1700),
        row(2, trial=0),
        row(2, trial=1),
    ]
    level0, _, level2 = summaries.summarise(rows)
    found = level0.metrics["early_stop_iteration"]
    assert found == Statistic(1900, 1800, 2000, 2, 2, censored=1)
    assert level2.metrics["early_stop_iteration"].censored == 0
    table, note = tables.table(rows).split("\n\n")
    stops = [line.split()[2] for line in table.split("\n")[2::2]]
    assert stops == [">=1900", ">=1850", "400"]
    assert ">=: the minimum was at the last evaluation" in note
    assert ">=" not in tables.table([row()])


def test_a_notebook_gets_the_table_with_everything_escaped():
    metrics = {"monitor_metric": "<b>", "metrics": {"test_<b>": 1.5}}
    rows = [row(0, **metrics), row(1, "a", early_stop_iteration=2000, **metrics)]
    found = tables.in_notebook(rows, caption="a & b")
    assert "<caption>a &amp; b</caption>" in found
    assert "<td>&gt;=2000</td>" in found and "<th>a: &lt;b&gt;</th>" in found
    assert "<b>" not in found


def test_the_widest_table_of_one_control_fits_100_columns():
    rows = [
        row(level, control, trial=trial, density=0.8**level, **accuracy)
        for level in (0, 99)
        for control in ("ticket", "random_reinit")
        for trial, accuracy in enumerate(
            [
                {"early_stop_iteration": 11200},
                {
                    "early_stop_iteration": 99900,
                    "early_stop_test_accuracy": 0.1,
                    "test_accuracy": 0.1,
                },
            ]
        )
    ]
    assert max(map(len, tables.table(rows).split("\n"))) <= 100


def test_controls_that_do_not_fit_follow_beside_the_ticket_again():
    *blocks, note = tables.table(search(2, "a", "b", "c")).split("\n\n")
    titles = [block.split("\n")[0].split() for block in blocks]
    assert titles == [["ticket", "a", "b"], ["ticket", "c"]]
    assert max(map(len, "\n".join([*blocks, note]).split("\n"))) <= 100


def test_a_label_wider_than_its_columns_keeps_the_table_straight():
    rows = [
        row(1),
        row(1, "noise", parameters={"sigma": 0.5, "distribution": "normal"}),
    ]
    lines = tables.table(rows).split("\n")
    assert lines[0].endswith("  noise distribution=normal sigma=0.5")
    assert len(lines[0]) == len(lines[1]) == len(lines[2])


@pytest.mark.parametrize(
    ("density", "quoted"),
    [(1.0, "100.0"), (0.51264, "51.3"), (0.0099, "1.0"), (0.0051, "0.51")],
)
def test_densities_are_quoted_as_in_the_paper(density, quoted):
    line = tables.table([row(3, density=density)]).split("\n")[2]
    assert line.split()[:2] == ["3", quoted]


def heads(rows: list[dict]) -> str:
    return " ".join(tables.table(rows).split("\n")[0].split())


def test_a_column_is_headed_n_5_only_where_all_its_levels_have_5_runs():
    tickets = [row(level, trial=trial) for level in range(3) for trial in range(5)]
    partly = [row(1, "a", trial=trial) for trial in range(5)] + [row(2, "a")]
    assert heads([*tickets, *partly]) == "ticket (n=5) a (n=1-5)"
    assert heads([*tickets, row(1, "a")]) == "ticket (n=5) a"
    # A value that one run did not measure makes that cell a mean of four.
    tickets[4]["test_accuracy"] = None
    assert heads(tickets) == "ticket (n=4-5)"


def test_a_column_with_replicates_is_headed_by_trials_and_runs():
    def runs(control: str, trials: int, replicates: int, level: int = 1) -> list[dict]:
        return [
            row(level, control, trial=trial, replicate=replicate)
            for trial in range(trials)
            for replicate in range(replicates)
        ]

    rows = [*runs("ticket", 5, 1), *runs("a", 5, 3)]
    assert heads(rows) == "ticket (n=5) a (5 trials, 15 runs)"
    assert "Mean over trials," in tables.table(rows)
    assert "(min-max) over all runs." in " ".join(tables.table(rows).split())
    assert heads([*rows, *runs("a", 2, 3, 2)]).endswith("a (2-5 trials, 6-15 runs)")
    rows = [row(1), *runs("a", 1, 3)]
    assert heads(rows) == "ticket a (1 trial, 3 runs)"
    assert "Mean and (min-max) of n runs." in " ".join(tables.table(rows).split())


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([3, 1, 2, 7], "1-3,7"), ([5], "5"), ([4, 4, 6, 7], "4,6-7"), ([], "")],
)
def test_ranges_of_numbers_are_joined(numbers, text):
    assert wording.ranges(numbers) == text


def test_weights_on_a_path_are_told_where_they_are_not_those_that_are_kept():
    def rows(*shares):
        return [
            {"control": "ticket", "level": level, "density": 0.5**level} | share
            for level, share in enumerate(shares)
        ]

    old = summaries.summarise(rows({}, {}))
    assert [one.effective for one in old] == [None, None]
    assert summaries.effective(summaries.columns_of(old)) == {}
    same = rows({"effective_density": 1.0}, {"effective_density": 0.49999})
    assert summaries.effective(summaries.columns_of(summaries.summarise(same))) == {}
    given = rows({}, {"effective_density": 0.27}, {"effective_density": None})
    (column,) = summaries.columns_of(summaries.summarise(given))
    assert summaries.effective([column]) == {1: 0.27}
    lines = tables.table(given).splitlines()
    assert lines[1].startswith("level  P_m %  path %")
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["0", "100.0", "-"],
        ["1", "50.0", "27.0"],
        ["2", "25.0", "-"],
    ]
    assert "path: weights on a path from input to output." in " ".join(lines)
    with pytest.raises(LotteryError, match="effective_density"):
        summaries.summarise(rows({"effective_density": 1.5}))
