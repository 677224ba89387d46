"""The sparsest level that is as good as dense, with its error bars over trials."""

from __future__ import annotations

import math
import pathlib
import pickle

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs.stored import StoredSearch
from lth_keras.storage import files
from tests.support.result_files import row, store


def trials(job: pathlib.Path, *accuracies: list[float]) -> StoredSearch:
    """As many trials, whose levels came to these accuracies; the first one."""
    for trial, values in enumerate(accuracies):
        root = job / f"trial{trial}"
        files.write_json(root / "search.json", {"settings": {}})
        for level, accuracy in enumerate(values):
            store(root, row(level, trial=trial, test_accuracy=accuracy))
    return StoredSearch(str(job / "trial0"))


def test_best_is_the_level_that_auto_exports_and_is_used_as_a_number(tmp_path) -> None:
    # Dense 0.96; level 1 0.9595, half of a tenth of a point below; level 2 a point.
    search = trials(tmp_path, [0.95, 0.94, 0.96], [0.97, 0.979, 0.94])
    found = search.best()
    assert found == 1 and isinstance(found, int) and f"level{found:02d}" == "level01"
    assert search.best(tolerance=2) == 2 and search.best(tolerance=0.01) == 0
    assert (found.density, found.last) == (0.8, 2)
    assert found.value == pytest.approx(95.95)
    assert found.dense_value == pytest.approx(96.0)
    assert pickle.loads(pickle.dumps(found)).gap == found.gap


def test_its_error_is_that_of_the_paired_differences(tmp_path) -> None:
    found = trials(tmp_path, [0.95, 0.94], [0.97, 0.979], [0.96, 0.961]).best()
    gaps = [-1.0, 0.9, 0.1]
    mean = sum(gaps) / 3
    variance = sum((gap - mean) ** 2 for gap in gaps) / 2
    assert found.gap == pytest.approx(mean)
    assert found.error == pytest.approx(math.sqrt(variance / 3))
    assert str(found) == (
        "level 1 of 1: P_m 80.0 %, test accuracy 96.00 %, dense 96.00 %, "
        "+0.00 +- 0.55 points (3 trials)"
    )
    assert repr(found) == f"Best({found})"


def test_a_search_that_is_no_trial_stands_alone(tmp_path) -> None:
    trials(tmp_path, [0.95, 0.94], [0.97, 0.979])
    for level, accuracy in enumerate((0.9, 0.8)):
        store(tmp_path / "mine", row(level, test_accuracy=accuracy))
    found = StoredSearch(str(tmp_path / "mine")).best()
    assert (found, found.error) == (0, None)
    assert str(found).endswith("+0.00 points (one trial)")


def test_of_a_regression_less_is_better_in_its_own_unit(tmp_path) -> None:
    for level, error in enumerate((2.0, 1.9, 2.05, 2.3)):
        metrics = {"val_mae": error, "val_loss": 1.0}
        told = {"metrics": metrics, "monitor_metric": "mae", "test_accuracy": None}
        store(tmp_path / "run", row(level, **told))
    search = StoredSearch(str(tmp_path / "run"))
    assert [search.best(t) for t in (0, 0.1, 0.5)] == [1, 2, 3]
    assert "validation mae 2.05, dense 2, +0.05 (one trial)" in str(search.best(0.1))
    assert search.best(monitor_metric="loss") == 3


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path) -> None:
    empty = StoredSearch(str(tmp_path / "none"))
    with pytest.raises(LotteryError, match="^no level is finished yet"):
        empty.best()
    search = trials(tmp_path, [0.95])
    for odd in (-1, math.nan, math.inf, "1", None, True, np.zeros(2)):
        with pytest.raises(LotteryError, match="^tolerance=.*0 or more.$"):
            search.best(odd)
    with pytest.raises(LotteryError, match="^monitor_metric=3: give a metric"):
        search.best(monitor_metric=3)
    store(tmp_path / "pruned", row(0, density=0.8))
    with pytest.raises(LotteryError, match="no dense network to compare with"):
        StoredSearch(str(tmp_path / "pruned")).best()
    store(tmp_path / "blind", row(0, test_accuracy=None))
    with pytest.raises(LotteryError, match="test accuracy was not measured"):
        StoredSearch(str(tmp_path / "blind")).best()
