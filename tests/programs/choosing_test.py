"""Which level is exported: the sparsest that is as good as dense, or the one named."""

from __future__ import annotations

import pathlib

import pytest

from lth_keras.errors import LotteryError
from lth_keras.programs import choosing, export_flags
from lth_keras.runs import layout
from lth_keras.storage import files
from tests.support.result_files import row, store


def trials(job: pathlib.Path, *accuracies: list[float | None]) -> None:
    """Makes as many trials, whose levels came to these accuracies; None: unfinished."""
    for trial, values in enumerate(accuracies):
        root = job / f"trial{trial}"
        settings = {"levels": len(values) - 1, "seed": trial, "trial": trial}
        files.write_json(root / "search.json", {"settings": settings})
        for level, accuracy in enumerate(values):
            if accuracy is not None:
                store(root, row(level, trial=trial, test_accuracy=accuracy))


@pytest.fixture
def job(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "job"


def chosen(job: pathlib.Path, *arguments: str) -> choosing.Choice:
    directory = layout.ExperimentDirectory(str(job))
    request = export_flags.read(["export_ticket.py", str(job), *arguments], "")
    return choosing.choose(directory, request)


def test_auto_is_the_sparsest_level_within_the_tolerance_by_the_mean(job) -> None:
    # Dense 0.96; level 1 0.9595, half of a tenth of a point below; level 2 a point.
    trials(job, [0.95, 0.94, 0.96], [0.97, 0.979, 0.94])
    found = chosen(job)
    assert (found.level, found.last, found.trials) == (1, 2, (0, 1))
    assert found.accuracy == pytest.approx(95.95)
    assert found.dense_accuracy == pytest.approx(96.0)
    assert "level 1 of 2 is the sparsest within 0.1 points of dense" in (
        found.sentence(0.1)
    )
    assert "the mean of 2 trials), dense 96.00 %, -0.05 points" in found.sentence(0.1)
    assert chosen(job, "--tolerance=0.01").level == 0
    assert chosen(job, "--tolerance=2").level == 2


def test_a_gap_of_exactly_the_tolerance_is_within_it(job) -> None:
    trials(job, [0.981, 0.98, 0.9])
    assert chosen(job).level == 1


def test_a_level_is_compared_over_the_trials_that_have_finished_it(job) -> None:
    # Over both trials, dense would be 0.9.
    trials(job, [0.95, 0.94, 0.93], [0.85, 0.85, None])
    assert chosen(job, "--level=2").dense_accuracy == pytest.approx(95.0)
    found = chosen(job, "--level=1")
    assert (found.accuracy, found.dense_accuracy) == pytest.approx((89.5, 90.0))
    assert found.sentence(None).startswith("level 1 of 2, as asked for: P_m ")


def test_what_is_not_finished_cannot_be_exported(job) -> None:
    trials(job, [0.9, 0.9, None])
    assert chosen(job).level == 1
    with pytest.raises(LotteryError, match="level 2 of trial 0 .* levels are 0 to 1$"):
        chosen(job, "--level=2")
    with pytest.raises(LotteryError, match=r"trial 3 .* trials that have are \[0\]$"):
        chosen(job, "--trial=3")
