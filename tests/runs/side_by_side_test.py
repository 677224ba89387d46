"""Two searches at the same share of weights, by means and standard errors."""

from __future__ import annotations

import math

import pytest

from lth_keras.programs import plot_compared, plot_flags
from lth_keras.programs.command_line import FlagError
from lth_keras.runs import finished, side_by_side
from lth_keras.runs.shown_metric import ACCURACY
from tests.support.result_files import row, store, store_settings


def rows(values: dict[int, list[float]], seed: int = 0) -> list[dict]:
    """A row for each level and trial, of that accuracy."""
    return [
        row(level, trial=trial, seed=seed + trial, test_accuracy=value)
        for level, found in values.items()
        for trial, value in enumerate(found)
    ]


def test_trials_of_one_seed_are_paired() -> None:
    mine = rows({0: [0.9, 0.8], 1: [0.95, 0.85], 2: [0.5, 0.5]})
    theirs = rows({0: [0.9, 0.8], 1: [0.94, 0.82]})
    dense, pruned = side_by_side.compare(mine, theirs, ACCURACY)
    assert (dense.difference, dense.error, dense.paired) == (0.0, 0.0, True)
    assert pruned.density == 0.8
    assert pruned.difference == pytest.approx(0.02)
    # Differences 0.01 and 0.03: their standard deviation is 0.02 / sqrt 2.
    assert pruned.error == pytest.approx(0.01)


def test_trials_of_other_seeds_have_welchs_error() -> None:
    mine, theirs = rows({1: [0.9, 0.8]}), rows({1: [0.7, 0.6, 0.5]}, seed=7)
    (found,) = side_by_side.compare(mine, theirs, ACCURACY)
    assert not found.paired and found.difference == pytest.approx(0.25)
    assert found.error == pytest.approx(math.sqrt(0.005 / 2 + 0.01 / 3))
    # One pair is no reason to leave out the others.
    (found,) = side_by_side.compare(mine[:1], rows({1: [0.7, 0.6]}), ACCURACY)
    assert not found.paired and found.difference == pytest.approx(0.25)
    assert side_by_side.compare(mine[:1], theirs, ACCURACY)[0].error is None


def test_a_table_sets_two_runs_against_each_other(tmp_path) -> None:
    runs = {}
    for name, accuracy in (("a", 0.95), ("b", 0.94)):
        (tmp_path / name).mkdir()
        store_settings(tmp_path / name, model="lenet", dataset="mnist")
        for level in range(2):
            found = row(level, test_accuracy=accuracy - level / 100)
            store(tmp_path / name / "trial0", found)
        runs[name] = finished.read(tmp_path / name)
    told, text = plot_compared.compared(runs, None)
    cells = ["80.0", "94.00", "93.00", "+1.00", "1,", "paired"]
    assert text.splitlines()[2].split() == cells
    assert "<td>94.00</td><td>93.00</td><td>+1.00</td>" in told.table
    assert "standard error" in told.note


def test_two_directories_are_compared_and_no_other_number() -> None:
    with pytest.raises(FlagError, match="--compare takes two RUN_DIRs, not 1"):
        plot_flags.read(["p", "a", "--compare"], "")
    request = plot_flags.read(["p", "a", "b", "--compare", "--output_dir=x"], "")
    assert request.compare and not request.serve
