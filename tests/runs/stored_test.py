"""Reading a search from its directory, finished or not."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.runs import stored
from tests.support import small_search as small

X, Y = small.data()


def test_an_unfinished_search_shows_what_it_has(tmp_path) -> None:
    rows = []

    def stop_after_two(row) -> None:
        rows.append(row)
        if len(rows) == 2:
            raise KeyboardInterrupt

    search = lth.LotterySearch(
        small.compiled(), 4, str(tmp_path), on_result=stop_after_two
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y, verbose=0, validation_data=(X, Y))
    read = lth.LotterySearch.load(tmp_path)
    assert (read.levels, read.finished_levels) == (4, [0, 1])
    assert read.results == read.history.results == rows
    assert read.history.curves[1]["iteration"] == [2]
    assert list(read.history.epochs[1]) == [
        "loss", "accuracy", "val_loss", "val_accuracy"
    ]  # fmt: skip
    assert read.ticket(1).density == 51 / 72
    with pytest.raises(LotteryError, match=r"level 3 has no ticket.*are \[0, 1\]"):
        read.ticket(3)


def test_an_empty_directory_holds_no_search(tmp_path) -> None:
    with pytest.raises(LotteryError, match="there is no search.json"):
        lth.LotterySearch.load(tmp_path)
    with pytest.raises(LotteryError, match="directory is missing"):
        stored.StoredSearch("")
