"""A name is given once; what is defined again may take its own name again."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import pytest

from lth_keras.errors import LotteryError
from lth_keras.pruning.registries import Registry


class Entry(NamedTuple):
    made: Any


@pytest.fixture
def registry() -> Registry[Entry]:
    return Registry("shape")


def from_cell(text: str) -> Any:
    """What a notebook's cell defines as `made`; each cell is a file of its own."""
    found: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, f"<cell {hash(text)}>", "exec"), found)
    return found["made"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def made(x): return x", "def made(x): return 2 * x"),
        ("class made: pass", "class made: size = 3"),
        ("made = lambda x: x", "made = lambda x: x"),
        (
            "def outer():\n  def made(x): return x\n  return made\nmade = outer()",
            "def outer():\n  def made(x): return x\n  return made\nmade = outer()",
        ),
    ],
)
def test_what_is_defined_again_takes_its_own_name(registry, first, second):
    old, new = from_cell(first), from_cell(second)
    registry.add("square", Entry(old))
    registry.add("square", Entry(new))
    assert registry.get("square").made is new is not old
    assert registry.names() == ("square",)


def closure(factor: int) -> Any:
    def made(x):
        return factor * x

    return made


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda x: x, lambda x: 2 * x),
        (closure(1), closure(2)),
        *[[lambda x, by=by: by * x for by in (1, 2)]],
        (functools.partial(max, 1), functools.partial(max, 2)),
        (from_cell("def made(x): return x"), from_cell("def made(x): 0").__call__),
        (from_cell("def made(x): return x"), closure),
    ],
    ids=["lambdas", "closures", "defaults", "partials", "methods", "functions"],
)
def test_another_is_registered_under_a_name_on_request_alone(registry, first, second):
    registry.add("square", Entry(first))
    registry.add("square", Entry(first))
    with pytest.raises(LotteryError, match="shape name 'square' is taken: .*replace="):
        registry.add("square", Entry(second))
    assert registry.get("square").made is first
    registry.add("square", Entry(second), replace=True)
    assert registry.get("square").made is second


@pytest.mark.parametrize("name", ["", "1st", "a-b", "a b", "ä", 3, None])
def test_a_name_is_one_word(registry, name):
    with pytest.raises(LotteryError, match="shape name .*use letters, digits and und"):
        registry.add(name, Entry(max))
    assert registry.names() == ()


def test_what_is_not_known_is_refused_with_what_is(registry):
    registry.update({"square": Entry(max), "round": Entry(min)})
    for name in ("cube", [], 3):
        with pytest.raises(LotteryError, match="is not known: use one of round, squ"):
            registry.get(name)
    with pytest.raises(LotteryError, match="^shape='cube' is not known"):
        registry.get("cube")
