"""What travels to another process with the function that makes a search."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from lth_keras import controls
from lth_keras.controls import registry as transforms
from lth_keras.errors import LotteryError
from lth_keras.experiments import engines, sending
from lth_keras.pruning import criteria, granularity
from lth_keras.pruning.registries import Registry
from tests.support.places import ROOT


def test_a_function_travels_wherever_it_was_written():
    words = ["from", "here"]

    def closure(trial: int, directory: str) -> list:
        return [*words, trial, directory]

    for function in (
        closure,
        lambda trial, directory: closure(trial, directory),
        functools.partial(closure),
    ):
        found = sending.unpack(sending.pack(function))
        assert found(3, "x") == ["from", "here", 3, "x"]


def test_what_belongs_to_this_process_does_not_travel():
    lock = threading.Lock()
    with pytest.raises(LotteryError, match=r"cannot be sent .*\(.*lock.*workers=0"):
        sending.pack(lambda trial, directory: lock)


@pytest.fixture
def registries(monkeypatch) -> tuple[Registry[Any], ...]:
    """Those of this process, of which nothing stays in other tests."""
    every = transforms.REGISTRY, criteria.registry.REGISTRY, granularity.REGISTRY
    for registry in every:
        monkeypatch.setattr(registry, "entries", dict(registry.entries))
    return every


def test_what_is_registered_here_is_there(registries):
    @controls.register("as_it_is")
    def as_it_is(search, case, seed, *, times: float = 1.0):
        return case

    @criteria.register("squares", needs=())
    def squares(initial, trained, rng):
        return np.square(trained)

    @granularity.register("rows", r"rows:(\d+)", example="rows:2")
    class Rows(granularity.Granularity):
        def __init__(self, number: str):
            self.number = int(number)

    content = sending.pack(print)
    before = criteria.get("magnitude")
    for registry, name in zip(registries, ("as_it_is", "squares", "rows"), strict=True):
        del registry.entries[name]
    assert sending.unpack(content) is print
    assert controls.parse("as_it_is:times=2").parameters == {"times": 2.0}
    assert criteria.get("squares")(0, np.array([3.0]), None) == [9.0]
    assert criteria.needs("squares") == frozenset()
    assert criteria.get("magnitude") is before
    assert granularity.get("rows:3").number == 3
    assert type(granularity.get("weight")) is granularity.Granularity


def test_an_engine_stays_whatever_it_holds(monkeypatch):
    entries = dict(engines.registry.REGISTRY.entries)
    monkeypatch.setattr(engines.registry.REGISTRY, "entries", entries)
    lock = threading.Lock()
    engines.register("locked")(lambda job: [str(lock)])
    assert sending.unpack(sending.pack(print)) is print


def test_a_worker_can_silence_tensorflow_before_it_is_imported():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import lth_keras.experiments.engines.worker\n"
        "from lth_keras import experiments\n"
        "assert 'Experiment' in dir(experiments)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
