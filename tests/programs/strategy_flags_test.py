"""--strategy and --devices: what is refused before anything is imported."""

from __future__ import annotations

import pytest

from lth_keras.programs import options, stored_options
from lth_keras.programs.command_line import FlagError


def read(*arguments: str) -> options.Options:
    return options.read(["lottery_search.py", *arguments], "About.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--strategy=parameter_server"], "parameter servers update weights out of"),
        (["--devices=2"], "--devices=2 is for --strategy=mirrored, not none"),
        (["--strategy=mirrored", "--devices=0"], "use a whole number, 1 to 1024"),
        (["--strategy=mirrored", "--workers=2"], "leave one of the two out"),
        (["--strategy=mirrored", "--keras=keras3"], "or --keras=tf_keras"),
    ],
)
def test_what_does_not_go_with_a_strategy_is_refused_in_one_line(given, said):
    with pytest.raises(FlagError) as caught:
        read(*given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_jobs_from_before_there_were_strategies_had_none():
    stored = stored_options.as_plain(read())
    older = {k: v for k, v in stored.items() if k not in ("strategy", "devices")}
    assert stored_options.completed(older) == stored
    mirrored = stored_options.as_plain(read("--strategy=mirrored", "--devices=2"))
    assert stored_options.differences(stored, mirrored) == [
        "--strategy (stored none, given mirrored)",
        "--devices (stored none, given 2)",
    ]
