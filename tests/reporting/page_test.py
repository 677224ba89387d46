"""The page: whole, escaped, without anything from outside, and the command in it."""

from __future__ import annotations

import base64
import csv
import html
import html.parser
import io
import json
import shlex
import sys

import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import markup, reproduction, vega
from lth_keras.reporting import page as html_report
from lth_keras.runs import finished, shown_metric
from lth_keras.storage import files
from tests.support.result_files import row, search, store, store_settings

_VOID = {"meta", "img", "input"}


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


def one_run(tmp_path, **flags) -> finished.RunFiles:
    store_settings(tmp_path, **flags)
    files.write_json(
        tmp_path / "trial0" / "search.json",
        {"versions": {"numpy": "2.4.6"}, "machine": {"cpus": 2}, "settings": {}},
    )
    for each in search(3, "random_reinit", trials=2):
        store(tmp_path / f"trial{each['trial']}", each)
    return finished.read(tmp_path)


def test_a_page_holds_settings_results_figures_and_versions(tmp_path):
    run = one_run(tmp_path, model="lenet", learning_rate=0.0012)
    picture = markup.Picture("A figure & more", b"<svg/>")
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
    assert page.texts.count("random reinitialisation (n=2)") == 3
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


def lines_of(run: finished.RunFiles) -> list[list[str]]:
    """The words of each command."""
    text = reproduction.commands(run).replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines()]


def test_the_command_has_every_flag_that_was_given(tmp_path):
    run = one_run(
        tmp_path / "a b",
        model="lenet",
        rate=None,
        augment=True,
        lr_drops=[],
        name="a b",
    )
    assert lines_of(run) == [
        [
            "python",
            "examples/lottery_search.py",
            "--model=lenet",
            "--augment=true",
            "--lr_drops=none",
            "--name=a b",
            "--trials=2",
            "--controls=random_reinit",
            "--replicates=1",
            "--output_dir=runs/a b",
        ]
    ]
    store_settings(tmp_path / "a b", rate="the paper's")
    assert "rate" not in reproduction.commands(finished.read(tmp_path / "a b"))


def test_the_command_says_what_was_run_and_not_what_was_first_asked_for(tmp_path):
    root = tmp_path / "net"
    run = one_run(root, trials=1, controls=["other"], replicates=1, data_dir="/me/x")
    for trial in range(2):
        for level in (1, 2):
            parameters = {"sigma": 0.5}
            store(
                root / f"trial{trial}",
                row(level, "noise", trial=trial, parameters=parameters),
            )
    run = finished.read(root)
    (search_words,) = lines_of(run)
    assert search_words[2:] == [
        "--trials=2",
        "--controls=noise:sigma=0.5,random_reinit",
        "--replicates=1",
        "--data_dir=DIR",
        "--output_dir=runs/net",
    ]
    # What is shown of the runs does not change what was run.
    assert reproduction.commands(run.select([], [1])) == reproduction.commands(run)
    page = Page(html_report.page({"run": run}))
    assert not {"trials", "controls", "replicates", "data_dir"} & set(page.texts)
    assert "/me/x" not in "".join(page.texts)
    assert str(tmp_path) not in "".join(page.texts)
    place = page.texts.index("trials run")
    assert page.texts[place + 1] == "2"
    place = page.texts.index("controls run")
    assert page.texts[place + 1] == (
        "noise:sigma=0.5, random_reinit: levels 1-2, 1 replicate"
    )


def test_controls_of_some_levels_or_other_replicates_have_a_command_of_their_own(
    tmp_path,
):
    root = tmp_path / "net"
    one_run(root, model="lenet", replicates=1)
    for level, control, replicate in (
        (2, "one_shot", 0),
        (1, "a", 0),
        (1, "a", 1),
        (2, "a", 0),
        (2, "a", 1),
        (1, "b", 0),
        (2, "b", 0),
        (2, "b", 1),
    ):
        store(root / "trial0", row(level, control, replicate=replicate))
    first, *others = lines_of(finished.read(root))
    assert {"--controls=random_reinit", "--replicates=1"} <= set(first)
    program = ["python", "examples/run_controls.py", "runs/net"]
    assert sorted(others) == sorted(
        [
            [*program, "--controls=one_shot", "--levels=2"],
            [*program, "--controls=a", "--replicates=2"],
            [*program, "--controls=b", "--levels=1"],
            [*program, "--controls=b", "--levels=2", "--replicates=2"],
        ]
    )


def test_a_search_without_controls_is_made_again_without_them(tmp_path):
    store_settings(tmp_path, model="lenet", controls=["random_reinit"], replicates=3)
    store(tmp_path / "trial0", row(0))
    (words,) = lines_of(finished.read(tmp_path))
    assert {"--controls=none", "--replicates=1", "--trials=1"} <= set(words)


def test_each_metric_is_headed_by_its_own_number_of_runs(tmp_path):
    files.write_json(tmp_path / "settings.json", {"flags": {"model": "lenet"}})
    for trial in range(3):
        for level in range(2):
            missing = {"test_accuracy": None} if trial == 2 and level == 1 else {}
            store(tmp_path / f"trial{trial}", row(level, trial=trial, **missing))
    page = Page(html_report.page({"run": finished.read(tmp_path)}))
    found = [text for text in page.texts if text.startswith("ticket (")]
    assert found == ["ticket (n=3)", "ticket (n=3)", "ticket (n=2-3)"]
    assert "Mean and (minimum-maximum) of n runs." in page.texts


def test_a_search_of_the_library_shows_its_own_settings(tmp_path):
    files.write_json(tmp_path / "search.json", {"settings": {"criterion": "magnitude"}})
    store(tmp_path, row(0))
    page = Page(html_report.page({"run": finished.read(tmp_path)}))
    assert "criterion" in page.texts and "magnitude" in page.texts
    assert "lth.LotterySearch" in page.texts
    assert "No versions are stored." in page.texts


def test_one_headline_says_what_was_found(tmp_path):
    page = Page(html_report.page({"run": one_run(tmp_path)}))
    # Each level is a tenth of a point below the one before.
    assert "80.0 % of the weights, as good as dense" in page.texts
    (about,) = [text for text in page.texts if text.startswith("The sparsest network")]
    assert "level 1 of 2" in about and "-0.10 +- 0.00 points (2 trials)" in about
    for each in search(3):
        store(tmp_path / "trial0", {**each, "test_accuracy": 0.9 - each["level"]})
    page = Page(html_report.page({"run": finished.read(tmp_path)}))
    assert "No pruned network here is as good as the dense one" in page.texts


def test_one_table_switches_between_measures_and_all_lines_are_a_csv(tmp_path):
    run = one_run(tmp_path)
    text = html_report.page({"run": run})
    assert text.count('type="radio"') == 4 and text.count(" checked>") == 1
    assert text.count('<div class="measure t') == 4
    assert "Seconds of training" in Page(text).texts
    _, _, data = text.partition('href="data:text/csv;base64,')
    lines = base64.b64decode(data.partition('"')[0]).decode()
    found = list(csv.DictReader(io.StringIO(lines)))
    assert [float(each["density"]) for each in found] == [
        r["density"] for r in run.rows
    ]


def test_exports_are_listed_with_bytes_and_latency(tmp_path):
    run = one_run(tmp_path)
    latency = {"batch": 1, "dense": 2e-4, "sparse": 1e-4, "ratio": 0.5}
    exported = {"format": "tflite", "bytes": 500, "dense_bytes": 2000}
    exported["found"] = {"latencies": [latency]}
    index = {"exports": [exported, {"format": "keras", "bytes": 1}]}
    files.write_json(tmp_path / "export" / "export.json", index)
    texts = Page(html_report.page({"run": run})).texts
    place = texts.index("tflite")
    cells = ["500", "2,000", "25.0", "100 us", "200 us", "0.50"]
    assert texts[place + 1 : place + 7] == cells
    files.write_json(tmp_path / "export" / "export.json", {"exports": 3})
    with pytest.raises(LotteryError, match=r"export\.json is no index of exports"):
        html_report.page({"run": run})


def test_a_chart_is_drawn_by_a_script_in_the_page_that_may_ask_for_nothing(
    tmp_path, monkeypatch
):
    run = one_run(tmp_path)
    spec = vega.density({"": run.rows}, shown_metric.ACCURACY)
    picture = markup.Picture("A </script> caption", b"<svg/>", spec)
    monkeypatch.setattr(vega, "bundle", lambda: "window.vegaEmbed = 1;")
    text = html_report.page({"run": run}, [picture])
    page = Page(text)
    assert not page.images and "window.vegaEmbed = 1;" in page.texts
    (data,) = [text for text in page.texts if text.startswith('{"config"')]
    assert json.loads(data) == json.loads(json.dumps(spec))
    assert "default-src 'none'" in html.unescape(text)
    assert "http:" not in text and "https:" not in text
    # Without Vega it is the picture.
    monkeypatch.setattr(vega, "bundle", lambda: None)
    page = Page(html_report.page({"run": run}, [picture]))
    assert len(page.images) == 1 and "script" not in page.tags


def test_a_chart_has_the_points_of_the_figure(tmp_path):
    run = one_run(tmp_path)
    spec = vega.density({"": run.rows}, shown_metric.ACCURACY)
    values = spec["data"]["values"]
    (point,) = [
        value
        for value in values
        if value["line"] == "ticket"
        and value["level"] == 1
        and value["measure"] == "test accuracy after training (%)"
    ]
    assert point == {
        **{"line": "ticket", "level": 1, "percent": 80.0, "runs": 2, "hollow": False},
        **{"measure": point["measure"], "mean": 97.85, "low": 97.8, "high": 97.9},
    }
    curves = vega.metric_curves(run.curves, shown_metric.ACCURACY)
    assert {value["line"] for value in curves["data"]["values"]} == {
        "100.0 %",
        "80.0 %",
        "64.0 %",
    }
    assert curves["data"]["values"][3]["value"] == 98.0
    # As the caption says: bands, and the control dashed.
    ends = [v for v in curves["data"]["values"] if v["what"] != "ticket"]
    assert {v["line"] for v in ends} == {"80.0 %", "64.0 %"}
    assert all(v["low"] <= v["value"] <= v["high"] for v in curves["data"]["values"])
    dashes = curves["layer"][0]["encoding"]["strokeDash"]["scale"]
    assert dashes["domain"] == ["ticket", "random reinitialisation"]


def test_without_jinja2_one_line_says_what_to_install(tmp_path, monkeypatch):
    run = one_run(tmp_path)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(LotteryError, match="pip install jinja2, or this package"):
        html_report.page({"run": run})
