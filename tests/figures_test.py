"""What figures say about result rows, and what they refuse."""

from __future__ import annotations

import itertools
import math
import sys
import xml.etree.ElementTree

import pytest

from lth_keras import figures
from lth_keras.compat import LotteryError


def row(level=0, control="ticket", **others):
    return {
        "trial": 0,
        "level": level,
        "control": control,
        "replicate": 0,
        "parameters": {},
        "density": 0.8**level,
        "iterations": 2000,
        "early_stop_iteration": 400,
        "early_stop_test_accuracy": 0.98,
        "test_accuracy": 0.975,
        "validation_loss": 0.07,
        "train_accuracy": 1.0,
        "seconds": 1.0,
        "seed": 0,
        **others,
    }


def search(levels: int, *controls: str, trials: int = 1) -> list[dict]:
    """Rows of a whole search; accuracies differ by level and trial."""
    return [
        row(level, control, trial=trial, test_accuracy=0.98 - (level + trial) / 1000)
        for trial in range(trials)
        for level in range(levels)
        for control in ("ticket", *controls)
        if level or control == "ticket"
    ]


def svg_texts(path) -> list[str]:
    """The texts of an SVG; matplotlib keeps each in a comment before its glyphs."""
    parser = xml.etree.ElementTree.XMLParser(
        target=xml.etree.ElementTree.TreeBuilder(insert_comments=True)
    )
    tree = xml.etree.ElementTree.parse(path, parser)
    comments = tree.iter(xml.etree.ElementTree.Comment)  # type: ignore[arg-type]
    return [(comment.text or "").strip() for comment in comments]


def test_a_png_is_1800_pixels_wide(tmp_path):
    figures.figure(search(3, "random_reinit"), tmp_path / "new" / "figure.png", "A net")
    content = (tmp_path / "new" / "figure.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(content[16:20], "big") == 1800
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["figure.png"]


def test_a_figure_names_its_axes_and_curves(tmp_path):
    rows = search(3, "random_reinit", trials=2)
    figures.figure(rows, tmp_path / "figure.svg", title="LeNet on digits")
    texts = svg_texts(tmp_path / "figure.svg")
    for text in (
        "LeNet on digits",
        "test accuracy after training (%)",
        "early-stopping iteration",
        "ticket",
        "random_reinit",
        "dense network",
    ):
        assert texts.count(text) == 1, text
    assert texts.count("weights remaining (%)") == 2
    for tick in ("100.0", "80.0", "64.0"):
        assert texts.count(tick) == 2


def test_equal_rows_give_an_equal_figure(tmp_path):
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        figures.figure(search(3, "random_reinit"), tmp_path / name)
    for suffix in (".svg", ".png"):
        first, second = (tmp_path / f"{name}{suffix}" for name in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_tick_labels_of_many_levels_are_thinned():
    percents = [100 * 0.8**level for level in range(30)]
    kept = figures._thin(percents)
    assert kept[0] == 100 and set(kept) <= set(percents)
    gaps = [math.log(a / b) for a, b in itertools.pairwise(kept)]
    assert min(gaps) >= 0.1 * math.log(100 / percents[-1])
    assert 8 <= len(kept) <= 11
    assert figures._thin([100.0]) == [100.0]


@pytest.mark.parametrize(
    "rows",
    [
        [row(0)],
        search(2, "a", "b", "c", "d", "e", "f", "g", "h"),
        [row(1, "control"), row(2, "control")],
    ],
    ids=["dense only", "more controls than colours", "no ticket"],
)
def test_unusual_rows_are_drawn(tmp_path, rows):
    figures.figure(rows, tmp_path / "figure.svg")
    assert "weights remaining (%)" in svg_texts(tmp_path / "figure.svg")


def test_a_panel_without_values_says_so(tmp_path):
    rows = [row(level, test_accuracy=None) for level in range(3)]
    figures.figure(rows, tmp_path / "figure.svg")
    assert svg_texts(tmp_path / "figure.svg").count("not measured") == 1


def test_a_figure_leaves_the_users_matplotlib_as_it_was(tmp_path):
    import matplotlib

    with matplotlib.rc_context({"font.size": 33, "axes.facecolor": "red"}):
        figures.figure(search(2), tmp_path / "own.svg")
        assert matplotlib.rcParams["font.size"] == 33
    figures.figure(search(2), tmp_path / "default.svg")
    own, default = tmp_path / "own.svg", tmp_path / "default.svg"
    assert own.read_bytes() == default.read_bytes()


def test_a_figure_of_another_format_is_refused(tmp_path):
    with pytest.raises(LotteryError, match=r"figure\.jpg must end in \.png or \.svg"):
        figures.figure([row()], tmp_path / "figure.jpg")


def test_a_missing_matplotlib_is_one_line_that_says_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(LotteryError, match="pip install matplotlib") as error:
        figures.figure([row()], tmp_path / "figure.png")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
