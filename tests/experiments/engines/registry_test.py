"""Engines are found by name, and a name is given once."""

from __future__ import annotations

import pytest

from lth_keras.errors import LotteryError
from lth_keras.experiments import engines
from lth_keras.experiments.engines import registry


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))


def nothing(job: engines.Job) -> list[str]:
    return []


def test_an_engine_is_what_was_registered_by_that_name():
    def check(workers, trials) -> None: ...

    assert engines.register("mine", check)(nothing) is nothing
    assert engines.get("mine") == engines.Engine(nothing, check)
    assert engines.names() == ("local", "mine", "ray")


def test_an_engine_with_settings_is_taken_as_it_is():
    assert engines.get("ray").elsewhere and not engines.get("local").elsewhere
    given = engines.Ray(num_gpus=0.5)
    made = engines.get(given)
    assert made == given.as_engine() and engines.get(made) is made
    assert repr(given) == "Ray(address='auto', num_gpus=0.5, memory=None)"


def test_an_engine_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(LotteryError, match="engine='x' is not known: use one of local"):
        engines.get("x")
    with pytest.raises(LotteryError, match=r"engine=\[\] is not known"):
        engines.get([])


def test_a_name_is_registered_once_unless_it_is_to_be_replaced():
    with pytest.raises(LotteryError, match="'local' is taken: .*replace=True"):
        engines.register("local")(nothing)
    engines.register("local", replace=True)(nothing)
    assert engines.get("local").function is nothing


@pytest.mark.parametrize("name", ["", "1st", "a-b", "a b", "ä", 3])
def test_a_name_is_one_word(name):
    with pytest.raises(LotteryError, match="use letters, digits and underscores"):
        engines.register(name)


def test_what_is_no_function_is_refused():
    with pytest.raises(LotteryError, match="engine .mine. is no function: write f"):
        engines.register("mine")(None)
