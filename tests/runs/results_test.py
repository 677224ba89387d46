"""Result lines show themselves, and become a data frame."""

from __future__ import annotations

import builtins
import json

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs.results import Results
from tests.support.result_files import row

ROWS = [
    row(0, metrics={"test_loss": 0.5}),
    row(1, metrics={"test_loss": 0.4, "test_mae": 1.0}),
    row(1, "noise", parameters={"sigma": 0.5}, validation_loss=None),
]


def test_they_are_still_the_list_that_is_stored() -> None:
    found = Results(ROWS)
    assert found == ROWS and json.loads(json.dumps(found)) == ROWS
    text = "Results(3 lines, levels of ticket 0-1; noise sigma=0.5 1)"
    assert repr(found) == text
    assert str(found).splitlines()[1].startswith("level  P_m %  stop at")
    assert "<table>" in (found._repr_html_() or "")
    assert repr(Results()) == str(Results()) == "Results(no line)"
    assert Results()._repr_html_() is None


def test_a_data_frame_has_a_row_a_run_and_a_column_a_field() -> None:
    frame = Results(ROWS).to_dataframe()
    assert frame["density"].tolist() == [1.0, 0.8, 0.8]
    assert frame["control"].tolist() == ["ticket", "ticket", "noise"]
    assert frame["metrics.test_loss"].tolist()[:2] == [0.5, 0.4]
    missing = {"metrics.test_mae": [0, 2], "parameters.sigma": [0, 1]}
    for name, places in {**missing, "validation_loss": [2]}.items():
        assert frame.index[frame[name].isna()].tolist() == places
    assert not {"metrics", "parameters"} & set(frame.columns)
    assert list(frame.columns)[:3] == ["trial", "level", "control"]
    assert len(Results().to_dataframe()) == 0


def test_without_pandas_one_line_says_what_to_install(monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *more):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LotteryError, match="needs pandas: pip install pandas, or this"):
        Results(ROWS).to_dataframe()
