"""The site's own parts: every public name and page is in it. `make site` builds it."""

from __future__ import annotations

import pathlib
import re

import lth_keras as lth
from tests.support.places import ROOT
from tools import public_names, site_hooks


def test_every_public_name_has_an_entry_of_the_reference() -> None:
    assert site_hooks.undocumented() == []


def test_the_names_read_from_the_text_are_those_of_the_package() -> None:
    names = public_names.public_names(ROOT)
    alone = set(lth.__all__) - {"__version__", *public_names.ROOMS}
    assert alone == {name for name in names if "." not in name}
    for room in set(public_names.ROOMS) - {"budgets", "recipes"}:
        below = {name for name in names if name.startswith(f"{room}.")}
        assert below == {f"{room}.{name}" for name in getattr(lth, room).__all__}


def test_a_name_without_an_entry_is_named(tmp_path: pathlib.Path) -> None:
    package = tmp_path / "lth_keras"
    package.mkdir()
    package.joinpath("__init__.py").write_text('__all__ = ["wrap", "hold"]\n')
    pages = tmp_path / "docs" / "api"
    pages.mkdir(parents=True)
    pages.joinpath("a.md").write_text("::: lth_keras.wrap\n    options:\n      a: b\n")
    assert site_hooks.undocumented(tmp_path) == ["hold"]


def test_an_entry_is_shown_as_a_reader_writes_it() -> None:
    class Page:
        class file:  # noqa: N801
            src_uri = "api/masks.md"

    text = (
        "::: lth_keras.wrap\n\n::: lth_keras.controls.run\n    options:\n      a: b\n"
    )
    assert site_hooks.on_page_markdown(text, Page(), None, None) == (
        "::: lth_keras.wrap\n    options:\n"
        "      heading: lth.wrap\n      toc_label: wrap\n\n"
        "::: lth_keras.controls.run\n    options:\n"
        "      heading: lth.controls.run\n      toc_label: controls.run\n      a: b\n"
    )


def test_links_lead_to_where_the_site_has_a_page() -> None:
    text = "[a](../SECURITY.md) [b](guide.md#search) [c](https://a.b/c.md) [d](#here)"
    assert site_hooks.relinked(text, "docs/limits.md") == (
        "[a](security.md) [b](guide.md#search) [c](https://a.b/c.md) [d](#here)"
    )
    assert site_hooks.relinked("[a](../guide.md)", "docs/methods/signs.md") == (
        "[a](../guide.md)"
    )
    assert site_hooks.relinked("[a](docs/methods/signs.md)", "CONTRIBUTING.md") == (
        "[a](methods/signs.md)"
    )


def test_every_page_stands_in_the_navigation_once() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    listed = re.findall(r"- (?:[\w -]+: )?([\w/]+\.md)$", text, re.MULTILINE)
    docs = ROOT / "docs"
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    assert sorted(listed) == sorted(pages | set(site_hooks.OUTSIDE.values()))
