"""What summaries and tables say about result rows, and what they refuse."""

from __future__ import annotations

import pytest
from result_files import row, search

from lth_keras import report
from lth_keras.compat import LotteryError
from lth_keras.report import Statistic

# Summaries.


def test_trials_and_replicates_are_joined_to_mean_minimum_and_maximum():
    rows = [
        row(3, trial=0, test_accuracy=0.5, density=0.25),
        row(3, trial=1, test_accuracy=0.75, density=0.75),
        row(3, trial=1, replicate=1, test_accuracy=1.0, density=0.5),
    ]
    (summary,) = report.summarise(rows)
    assert (summary.control, summary.level, summary.samples) == ("ticket", 3, 3)
    assert summary.density == 0.5
    assert summary.metrics["test_accuracy"] == Statistic(0.75, 0.5, 1.0, 3)


def test_what_a_run_did_not_measure_is_not_counted():
    first = row(test_accuracy=None, train_accuracy=None)
    del first["early_stop_iteration"]
    (summary,) = report.summarise([first, row(train_accuracy=None)])
    assert summary.samples == 2
    assert summary.metrics["test_accuracy"] == Statistic(0.975, 0.975, 0.975, 1)
    assert summary.metrics["early_stop_iteration"] == Statistic(400, 400, 400, 1)
    assert summary.metrics["train_accuracy"] is None


def test_the_ticket_comes_first_then_controls_as_met_and_levels_ascend():
    rows = [row(2, "b"), row(1, "b"), row(1, "a"), row(1), row(0)]
    found = [(s.control, s.level) for s in report.summarise(rows)]
    assert found == [("ticket", 0), ("ticket", 1), ("b", 1), ("b", 2), ("a", 1)]


def test_other_parameters_are_another_control():
    rows = [
        row(1, "noise", parameters={"sigma": 0.5, "seed": 1}),
        row(1, "noise", parameters={"sigma": 3}),
        row(1, "noise", parameters={"seed": 1, "sigma": 0.5}),
    ]
    first, second = report.summarise(rows)
    assert (first.label, first.samples) == ("noise seed=1 sigma=0.5", 2)
    assert (second.label, second.samples) == ("noise sigma=3", 1)


def test_no_rows_are_refused():
    for make in (report.summarise, report.table, report.markdown):
        with pytest.raises(LotteryError, match="no result rows"):
            make([])


def test_a_row_without_a_level_is_refused_with_its_number():
    with pytest.raises(LotteryError, match="result row 2 has no 'level'"):
        report.summarise([row(), {"control": "ticket", "density": 1.0}])


@pytest.mark.parametrize("density", [0.0, 51.3])
def test_a_density_that_is_no_fraction_is_refused(density):
    with pytest.raises(LotteryError, match=f"result row 1 has density {density}"):
        report.summarise([row(density=density)])


# Tables.


def test_the_table_of_single_runs_has_a_line_per_level():
    rows = [
        row(0, test_accuracy=0.978, early_stop_iteration=3800),
        row(9, density=0.1352, early_stop_iteration=2400),
        row(9, "random_reinit", density=0.1352, test_accuracy=None),
    ]
    table, note = report.table(rows).split("\n\n")
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
    table, note = report.table(rows).split("\n\n")
    assert table.split("\n") == [
        "                           ticket (n=2)",
        "level  P_m %    stop at      accuracy     final acc",
        "    0  100.0        350         98.00         97.50",
        "              (300-400) (98.00-98.00) (97.00-98.00)",
        "    1   80.0        400         98.00         97.50",
    ]
    assert "(min-max)" in note


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
    assert max(map(len, report.table(rows).split("\n"))) <= 100


def test_controls_that_do_not_fit_follow_beside_the_ticket_again():
    *tables, note = report.table(search(2, "a", "b", "c")).split("\n\n")
    titles = [table.split("\n")[0].split() for table in tables]
    assert titles == [["ticket", "a", "b"], ["ticket", "c"]]
    assert max(map(len, "\n".join([*tables, note]).split("\n"))) <= 100


def test_a_label_wider_than_its_columns_keeps_the_table_straight():
    rows = [
        row(1),
        row(1, "noise", parameters={"sigma": 0.5, "distribution": "normal"}),
    ]
    lines = report.table(rows).split("\n")
    assert lines[0].endswith("  noise distribution=normal sigma=0.5")
    assert len(lines[0]) == len(lines[1]) == len(lines[2])


@pytest.mark.parametrize(
    ("density", "quoted"),
    [(1.0, "100.0"), (0.51264, "51.3"), (0.0099, "1.0"), (0.0051, "0.51")],
)
def test_densities_are_quoted_as_in_the_paper(density, quoted):
    line = report.table([row(3, density=density)]).split("\n")[2]
    assert line.split()[:2] == ["3", quoted]


def test_markdown_is_one_table_of_all_controls():
    rows = [
        row(0),
        row(1, trial=0, test_accuracy=0.97),
        row(1, trial=1, test_accuracy=0.98),
        row(1, "a|b", early_stop_iteration=None, early_stop_test_accuracy=None),
    ]
    head, *lines = report.markdown(rows).split("\n")
    assert head == (
        "| level | P_m (%) | ticket (n=2): early stop (iteration) | "
        "test accuracy there (%) | final test accuracy (%) | "
        "a\\|b: early stop (iteration) | "
        "test accuracy there (%) | final test accuracy (%) |"
    )
    assert lines == [
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 0 | 100.0 | 400 | 98.00 | 97.50 | - | - | - |",
        "| 1 | 80.0 | 400 (400-400) | 98.00 (98.00-98.00) | 97.50 (97.00-98.00) | "
        + "- | - | 97.50 |",
    ]
