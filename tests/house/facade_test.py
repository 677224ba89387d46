"""The facade: what `lth_keras` shows, and that each name of it says what it is."""

from __future__ import annotations

import inspect

import pytest

import lth_keras as lth
from tests.support.places import ROOT
from tests.support.setup_arguments import setup_arguments


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert dir(lth) == sorted(lth.__all__)
    assert len(set(lth.__all__)) == len(lth.__all__)


def test_the_public_module_hands_on_the_same_names() -> None:
    from lth_keras import public

    assert sorted(public.__all__) == sorted(lth.__all__)
    for name in lth.__all__:
        assert getattr(lth, name) is getattr(public, name)


@pytest.mark.parametrize("name", sorted(set(lth.__all__) - {"__version__"}))
def test_every_public_name_has_a_docstring_of_its_own(name: str) -> None:
    found = getattr(lth, name)
    # Inherited ones tell of something else.
    own = found.__dict__.get("__doc__") if inspect.isclass(found) else found.__doc__
    assert own and len(own.split()) >= 3


@pytest.mark.parametrize("name", lth.__all__)
def test_no_public_name_is_that_of_another_module(name: str) -> None:
    """`import lth_keras.x` would put the module where the function was."""
    files = (ROOT / "lth_keras" / f"{name}.py", ROOT / "lth_keras" / name)
    if any(file.exists() for file in files):
        assert inspect.ismodule(found := getattr(lth, name))
        assert found.__name__ == f"lth_keras.{name}"


def test_an_unknown_name_is_refused_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="'lth_keras' has no attribute 'wrapp'"):
        _ = lth.wrapp


def test_the_version_is_the_one_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lth.__version__ == setup_arguments(monkeypatch)["version"]
