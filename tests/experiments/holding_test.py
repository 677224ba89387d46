"""One process on all of a job, or several on a trial each, and never both."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.experiments import holding
from lth_keras.runs import layout
from lth_keras.storage import locks, paths


@pytest.fixture(params=["local", "remote"])
def directory(request, tmp_path, monkeypatch) -> layout.ExperimentDirectory:
    monkeypatch.setattr(holding, "_BEGIN_WITHIN", 0)
    monkeypatch.setattr(holding, "_PATIENCE", 0)
    far = request.param == "remote"
    return layout.ExperimentDirectory(f"ram://{tmp_path}" if far else str(tmp_path))


def test_trials_are_held_beside_each_other_and_each_once(directory):
    with holding.one_trial(directory, 0) as first, holding.one_trial(directory, 3):
        assert first.trial == 0 and directory.jobs() == [0, 3]
        with (
            pytest.raises(LotteryError, match="jobs/trial3 is in use by"),
            holding.one_trial(directory, 3),
        ):
            pass
    with holding.one_trial(directory, 3):
        pass


def test_the_whole_is_held_by_nobody_while_a_trial_is(directory):
    with (
        holding.one_trial(directory, 2),
        pytest.raises(LotteryError, match="output_dir=.*jobs/trial2 is in use by"),
        holding.whole(directory, "--output_dir"),
    ):
        pass
    with holding.whole(directory) as hold:
        assert hold.trial is None
        with hold.shared():  # It is held already.
            pass


def test_a_trial_is_held_by_nobody_while_the_whole_is(directory):
    with (
        holding.whole(directory),
        pytest.raises(LotteryError, match="is in use by process"),
        holding.one_trial(directory, 0),
    ):
        pass


def test_what_trials_share_is_written_by_one_at_a_time(directory):
    with holding.one_trial(directory, 0) as one, holding.one_trial(directory, 1) as two:
        with one.shared(), pytest.raises(LotteryError, match="in use"), two.shared():
            pass
        with two.shared():
            pass


def test_who_waits_for_a_lock_gets_it_when_it_is_given_back(directory, monkeypatch):
    root = directory.root
    holder = locks.lock(root)
    holder.__enter__()
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        holder.__exit__(None, None, None)

    monkeypatch.setattr(locks.time, "sleep", sleep)
    with locks.lock(root, wait=60):
        assert len(waited) == 1 and paths.exists(locks.lock_file(root))
