"""What travels to another process with the function that makes a search."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading

import numpy as np
import pytest

from lth_keras import controls
from lth_keras.controls import registry
from lth_keras.errors import LotteryError
from lth_keras.experiments import sending
from lth_keras.pruning import criteria
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


def test_controls_and_criteria_that_are_registered_here_are_there(monkeypatch):
    # A copy, so that nothing stays in other tests.
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))
    monkeypatch.setattr(
        criteria.registry.REGISTRY, "entries", dict(criteria.registry.REGISTRY.entries)
    )

    @controls.register("as_it_is")
    def as_it_is(search, case, seed, *, times: float = 1.0):
        return case

    @criteria.register("squares", needs=())
    def squares(initial, trained, rng):
        return np.square(trained)

    content = sending.pack(print)
    before = criteria.get("magnitude")
    del registry.REGISTRY.entries["as_it_is"]
    del criteria.registry.REGISTRY.entries["squares"]
    assert sending.unpack(content) is print
    assert controls.parse("as_it_is:times=2").parameters == {"times": 2.0}
    assert criteria.get("squares")(0, np.array([3.0]), None) == [9.0]
    assert criteria.needs("squares") == frozenset()
    assert criteria.get("magnitude") is before


def test_a_worker_can_silence_tensorflow_before_it_is_imported():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import lth_keras.experiments.engines.worker\n"
        "from lth_keras import experiments\n"
        "assert 'Experiment' in dir(experiments)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
