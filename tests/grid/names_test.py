"""A registered name has a row in the grid, a docstring, and says what it takes."""

from __future__ import annotations

import inspect
import re
import types

import pytest

import lth_keras as lth
from lth_keras.controls import registry as controls
from lth_keras.experiments import engines
from lth_keras.pruning import criteria, granularity
from tests.grid import rows

PAPER = re.compile(r"\d{4}\.\d{5}")


@pytest.mark.parametrize(
    ("registered", "grid"),
    [
        (lth.__all__, rows.PUBLIC),
        (criteria.names(), rows.CRITERIA),
        (granularity.names(), rows.GRANULARITIES),
        (lth.controls.names(), rows.CONTROLS),
        (engines.names(), rows.ENGINES),
        (lth.methods.names(), rows.METHODS),
        (lth.analysis.__all__, rows.ANALYSES),
    ],
    ids=[
        "public",
        "criteria",
        "granularities",
        "controls",
        "engines",
        "methods",
        "analyses",
    ],
)
def test_every_name_has_a_row_and_every_row_a_name(registered, grid):
    assert sorted(registered) == sorted(grid)


@pytest.mark.parametrize("name", rows.PUBLIC)
def test_a_public_name_says_what_it_is_takes_and_refuses(name):
    kind, made = rows.PUBLIC[name], getattr(lth, name)
    if kind == "text":
        assert re.fullmatch(r"\d+\.\d+\.\d+", made)
        return
    text = inspect.getdoc(made) or ""
    assert re.match(r"[A-Z`]", text), "no docstring"
    if kind == "registry":
        assert isinstance(made, types.ModuleType) and callable(made.register)
        return
    if kind == "namespace":
        assert isinstance(made, types.ModuleType) and made.__all__
        return
    if kind == "recipes":
        assert isinstance(made, types.ModuleType) and made.NAMED
        return
    if kind == "error":
        assert issubclass(made, lth.LotteryError)
        return
    about = made.__init__ if inspect.isclass(made) else made
    if kind == "record":
        taken = []  # Its fields are told as attributes.
    else:
        taken = [n for n in inspect.signature(about).parameters if n != "self"]
    for argument in taken:
        assert re.search(rf"^ *\**{argument}\b", text, re.MULTILINE), argument


@pytest.mark.parametrize("name", rows.ANALYSES)
def test_an_analysis_says_what_it_takes_and_refuses(name):
    made = getattr(lth.analysis, name)
    text = inspect.getdoc(made) or ""
    assert "Raises:" in text
    for argument in inspect.signature(made).parameters:
        assert re.search(rf"^ *{argument}:", text, re.MULTILINE), argument


@pytest.mark.parametrize("name", rows.CRITERIA)
def test_a_criterion_has_its_formula(name):
    assert criteria.get(name).__doc__


@pytest.mark.parametrize("name", rows.CONTROLS)
def test_a_control_names_its_source(name):
    text = controls.REGISTRY.get(name).function.__doc__
    own = name == "random_mask"  # Every paper has one.
    assert text and (own or PAPER.search(text))


@pytest.mark.parametrize("name", rows.GRANULARITIES)
def test_a_granularity_has_a_docstring(name):
    assert type(granularity.get(rows.GRANULARITIES[name])).__doc__


@pytest.mark.parametrize("name", rows.METHODS)
def test_a_method_names_its_source_and_says_what_it_takes(name):
    kind = lth.methods.get(name)
    text = f"{inspect.getdoc(kind)}\n{inspect.getmodule(kind).__doc__}"
    assert PAPER.search(text) and "fit" in text
    for argument in list(inspect.signature(kind.__init__).parameters)[1:]:
        assert re.search(rf"^ *{argument}:", text, re.MULTILINE), argument
