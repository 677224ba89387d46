"""What another machine stores is news here once."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.experiments.engines import following
from lth_keras.experiments.engines.following import Followed
from lth_keras.runs import layout
from tests.support import result_files


@pytest.fixture
def run(tmp_path) -> layout.RunDirectory:
    return layout.RunDirectory(str(tmp_path))


def levels(run: layout.RunDirectory) -> list[layout.LevelDirectory]:
    return [run.level(level) for level in range(4)]


def test_a_level_is_news_once_in_the_order_of_training(run):
    result_files.store(run.root, result_files.row(0))
    followed = Followed(levels(run))  # Level 0 was there before.
    assert followed.news() == []
    for level in (1, 2):
        result_files.store(run.root, result_files.row(level))
    assert [row["level"] for row in followed.news()] == [1, 2]
    assert followed.news() == []


def test_what_a_task_tells_at_its_end_is_news_unless_it_was_seen(run):
    followed = Followed(levels(run))
    result_files.store(run.root, result_files.row(0))
    assert [row["level"] for row in followed.news()] == [0]
    rows = [result_files.row(level) for level in range(4)]
    assert [row["level"] for row in followed.told(rows)] == [1, 2, 3]
    assert followed.told(rows) == followed.news() == []


def test_a_directory_that_the_nodes_do_not_share_is_one_line(run, monkeypatch):
    monkeypatch.setattr(following, "_SHOWN_WITHIN", 0)
    followed = Followed(levels(run))
    rows = [result_files.row(level) for level in range(4)]
    followed.told(rows)
    with pytest.raises(LotteryError, match="a directory that every node shares"):
        followed.wait()
    for row in rows:
        result_files.store(run.root, row)
    followed.wait()
