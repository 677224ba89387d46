"""What the searches of a job differ in, and where their levels begin."""

from __future__ import annotations

import cloudpickle
import numpy as np
import pytest

from lth_keras.programs import inputs, searches
from lth_keras.programs import options as settings
from lth_keras.programs.command_line import FlagError


def options(*arguments: str) -> settings.Options:
    return settings.read(["lottery_search.py", *arguments], "")


def test_the_first_trial_has_the_seed_itself_and_others_one_each():
    seeds = [searches.trial_seed(5, trial) for trial in range(5)]
    assert seeds[0] == 5
    assert len(set(seeds)) == 5
    assert searches.trial_seed(6, 1) != seeds[1]


def test_an_epoch_is_the_whole_batches_of_the_data():
    given = options("--rewind_to=2ep")
    assert searches.rewind_step(given, examples=119) == 2
    with pytest.raises(FlagError, match="--rewind_to=2ep is iteration 2000"):
        searches.rewind_step(given, examples=60_000)


def test_another_process_makes_the_searches_of_data_that_were_read_here(monkeypatch):
    here = searches.Searches(options("--levels=1", "--iterations=20"))
    sent = cloudpickle.dumps(here)

    def read(*arguments):
        raise AssertionError("the data are read once more")

    monkeypatch.setattr(inputs.datasets, "load", read)
    there = cloudpickle.loads(sent)
    images = there._data.held.train[0]
    assert np.array_equal(images, here._data.held.train[0])
    assert images.shape == (1259, 8, 8, 1)
    # They are handed on as they came.
    assert there.__reduce__()[1][1] == here.__reduce__()[1][1]


def test_where_nothing_was_handed_the_data_are_read_again(monkeypatch):
    monkeypatch.setattr(inputs.handing, "hand", lambda data: None)
    here = searches.Searches(options("--levels=1", "--iterations=20"))
    there = cloudpickle.loads(cloudpickle.dumps(here))
    assert np.array_equal(there._data.held.test[0], here._data.held.test[0])
