"""Whatever a public call is given, it is used, or refused in one line."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

import lth_keras as lth
from lth_keras.controls import registry as control_registry
from lth_keras.experiments.engines import registry as engine_registry
from lth_keras.methods import registry as method_registry
from lth_keras.pruning.criteria import registry as criterion_registry
from tests.support.campaigns import Campaign
from tests.support.odd_values import ODD
from tests.support.outcomes import outcome, tree
from tests.support.public_calls import CALLS, Call, World, world


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What the calls are given, in a folder of its own that is the present one."""
    folder = tmp_path_factory.mktemp("folder")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        yield world(folder, tmp_path_factory.mktemp("stored"))


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What a case registers is gone after it."""
    held = [
        control_registry.REGISTRY.entries,
        criterion_registry.REGISTRY.entries,
        engine_registry.REGISTRY.entries,
        method_registry.REGISTRY.entries,
    ]
    before = [dict(entries) for entries in held]
    yield
    for entries, own in zip(held, before, strict=True):
        entries.clear()
        entries.update(own)


def test_every_public_name_has_its_calls(here: World) -> None:
    assert sorted(CALLS) == sorted(lth.__all__)


def test_every_call_takes_the_arguments_that_are_changed(here: World) -> None:
    for name, calls in CALLS.items():
        if name.startswith("export"):
            continue  # Seconds each; the cases that change nothing of weight take them.
        for function, arguments, _ in calls(here):
            assert outcome(lambda f=function, a=arguments: f(**a)) == ("", ""), name
    _clear(here.folder)


def test_odd_arguments_are_used_or_refused_in_one_line(
    here: World, campaign: Campaign
) -> None:
    names = [name for name, calls in CALLS.items() if calls(here)]
    faults, refused = [], 0
    for case in range(campaign.count(1_500, 80)):
        rng = campaign.generator(case)
        # Each name has its turn.
        calls = CALLS[names[case % len(names)]](here)
        call = calls[rng.integers(len(calls))]
        argument = sorted(call.arguments)[rng.integers(len(call.arguments))]
        odd = sorted(ODD)[rng.integers(len(ODD))]
        value = ODD[odd]()
        if argument in call.own_code and callable(value):
            continue  # It may raise what it likes.
        if argument == "verify" and odd in ("1", "True"):
            continue  # An own process for each, which other tests start.
        found = _tried(here, call, argument, value)
        refused += bool(found.refused)
        if found.fault:
            where = f"{names[case % len(names)]}: {call.function}({argument}={odd})"
            faults.append(f"case {case}: {where}: {found.fault}")
    assert not faults, "\n".join(faults)
    # Else the cases would show nothing.
    assert refused > campaign.count(750, 40)


def _tried(here: World, call: Call, argument: str, value: Any) -> Any:
    before = tree(here.folder)
    found = outcome(lambda: call.function(**{**call.arguments, argument: value}))
    if found.refused and tree(here.folder) != before:
        found = found._replace(fault="was refused, and left something written")
    _clear(here.folder)
    return found


def _clear(folder: pathlib.Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
