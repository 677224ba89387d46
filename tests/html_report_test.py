"""The page: whole, escaped, without anything from outside, and the command in it."""

from __future__ import annotations

import base64
import html.parser
import shlex

from result_files import row, search, store, store_settings

from lth_keras import files, html_report, run_files

_VOID = {"meta", "img"}


class Page(html.parser.HTMLParser):
    """Checks that tags are closed in order; keeps texts and images."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.images: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def one_run(tmp_path, **flags) -> run_files.RunFiles:
    store_settings(tmp_path, **flags)
    files.write_json(
        tmp_path / "trial0" / "search.json",
        {"versions": {"numpy": "2.4.6"}, "machine": {"cpus": 2}, "settings": {}},
    )
    for each in search(3, "random_reinit", trials=2):
        store(tmp_path / f"trial{each['trial']}", each)
    return run_files.read(tmp_path)


def test_a_page_holds_settings_results_figures_and_versions(tmp_path):
    run = one_run(tmp_path, model="lenet", learning_rate=0.0012)
    picture = html_report.Picture("A figure & more", b"<svg/>")
    path = tmp_path / "report.html"
    html_report.write(path, {"run": run}, [picture], "LeNet")
    page = Page(path.read_text(encoding="utf-8"))
    for text in (
        "LeNet",
        "learning_rate",
        "0.0012",
        "numpy",
        "2.4.6",
        "A figure & more",
    ):
        assert text in page.texts, text
    # Level 1, final accuracy: 98 - 0.1 and, in trial 1, 98 - 0.2.
    assert "97.85 " in page.texts and "(97.80-97.90)" in page.texts
    assert "random_reinit (n=2)" in page.texts
    head, _, data = page.images[0].partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(data) == b"<svg/>"
    assert not page.tags & {"script", "link", "iframe"}


def test_what_comes_from_outside_is_escaped(tmp_path):
    evil = "<script>alert('x')</script>&"
    run = one_run(tmp_path, model=evil)
    store(tmp_path / "trial0", row(1, "noise", parameters={"sigma": 0.5}))
    text = html_report.page({evil: run, "b": run}, [], evil)
    assert "script" not in Page(text).tags
    assert "script" not in Page(html_report.page({evil: run}, [], evil)).tags


def test_the_command_has_every_flag_that_was_given():
    command = html_report.command(
        {
            "model": "lenet",
            "rate": None,
            "controls": ["noise:sigma=0.5", "one_shot"],
            "augment": True,
            "name": "a b",
        }
    )
    assert shlex.split(command.replace("\\\n", " ")) == [
        "python",
        "examples/lottery_search.py",
        "--model=lenet",
        "--controls=noise:sigma=0.5,one_shot",
        "--augment=true",
        "--name=a b",
    ]
    assert "--controls=none" in html_report.command({"controls": []})
    assert "rate" not in html_report.command({"rate": "the paper's"})


def test_a_search_of_the_library_shows_its_own_settings(tmp_path):
    files.write_json(tmp_path / "search.json", {"settings": {"criterion": "magnitude"}})
    store(tmp_path, row(0))
    page = Page(html_report.page({"run": run_files.read(tmp_path)}))
    assert "criterion" in page.texts and "magnitude" in page.texts
    assert "lth.LotterySearch" in page.texts
    assert "No versions are stored." in page.texts
