"""What the searches of a job differ in, and where their levels begin."""

from __future__ import annotations

import pytest

from lth_keras.programs import options as settings
from lth_keras.programs import searches
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
