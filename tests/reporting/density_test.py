"""What figures say about result rows, and what they refuse."""

from __future__ import annotations

import sys
import xml.etree.ElementTree

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import density as figure_density
from lth_keras.reporting import drawing, styles
from tests.support.result_files import row, search


def svg_texts(path) -> list[str]:
    """The texts of an SVG; matplotlib keeps each in a comment before its glyphs."""
    parser = xml.etree.ElementTree.XMLParser(
        target=xml.etree.ElementTree.TreeBuilder(insert_comments=True)
    )
    tree = xml.etree.ElementTree.parse(path, parser)
    comments = tree.iter(xml.etree.ElementTree.Comment)  # type: ignore[arg-type]
    return [(comment.text or "").strip() for comment in comments]


def test_a_png_is_1800_pixels_wide(tmp_path):
    figure_density.figure(
        search(3, "random_reinit"), tmp_path / "new" / "figure.png", "A net"
    )
    content = (tmp_path / "new" / "figure.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(content[16:20], "big") == 1800
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["figure.png"]


def test_a_figure_names_its_axes_and_curves(tmp_path):
    rows = search(3, "random_reinit", trials=2)
    figure_density.figure(rows, tmp_path / "figure.svg", title="LeNet on digits")
    texts = svg_texts(tmp_path / "figure.svg")
    for text in (
        "LeNet on digits",
        "test accuracy at early stop (%)",
        "early-stopping iteration",
        "ticket",
        "random reinitialisation",
        "dense network",
    ):
        assert texts.count(text) == 1, text
    assert texts.count("weights remaining (%)") == 2
    for tick in ("100.0", "80.0", "64.0"):
        assert texts.count(tick) == 2


@pytest.mark.slow
def test_equal_rows_give_an_equal_figure(tmp_path):
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        figure_density.figure(search(3, "random_reinit"), tmp_path / name)
    for suffix in (".svg", ".png"):
        first, second = (tmp_path / f"{name}{suffix}" for name in "ab")
        assert first.read_bytes() == second.read_bytes()


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
    figure_density.figure(rows, tmp_path / "figure.svg")
    assert "weights remaining (%)" in svg_texts(tmp_path / "figure.svg")


def test_a_panel_without_values_says_so(tmp_path):
    rows = [row(level, early_stop_test_accuracy=None) for level in range(3)]
    figure_density.figure(rows, tmp_path / "figure.svg")
    assert svg_texts(tmp_path / "figure.svg").count("not measured") == 1


def test_a_figure_leaves_the_users_matplotlib_as_it_was(tmp_path):
    import matplotlib

    with matplotlib.rc_context({"font.size": 33, "axes.facecolor": "red"}):
        figure_density.figure(search(2), tmp_path / "own.svg")
        assert matplotlib.rcParams["font.size"] == 33
    figure_density.figure(search(2), tmp_path / "default.svg")
    own, default = tmp_path / "own.svg", tmp_path / "default.svg"
    assert own.read_bytes() == default.read_bytes()


def test_a_figure_of_another_format_is_refused(tmp_path):
    with pytest.raises(
        LotteryError, match=r"figure\.jpg must end in \.png, \.svg or \.pdf"
    ):
        figure_density.figure([row()], tmp_path / "figure.jpg")


def test_a_missing_matplotlib_is_one_line_that_says_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(LotteryError, match="pip install matplotlib") as error:
        figure_density.figure([row()], tmp_path / "figure.png")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def drawn(axes) -> dict[str, object]:
    """By label the bars of a panel; the line is the first part of each."""
    return {bars.get_label(): bars for bars in axes.containers}


def two_trials() -> list[dict]:
    """A ticket of two trials, one with two replicates of a control."""
    values = {0: (0.97, 0.98), 1: (0.95, 0.99)}
    rows = [
        row(level, trial=trial, early_stop_test_accuracy=value)
        for level, found in values.items()
        for trial, value in enumerate(found)
    ]
    return rows + [
        row(1, "random_reinit", replicate=n, early_stop_test_accuracy=value)
        for n, value in enumerate((0.9, 0.94, 0.95))
    ]


def test_points_are_means_and_bars_minimum_and_maximum():
    figure = figure_density.draw({"": two_trials()}, None, ["early_stop_test_accuracy"])
    (axes,) = figure.axes
    bars = drawn(axes)
    line, _, (segments,) = bars["ticket"]
    # Two lines have bars, which stand beside each other.
    right, control = (b[0].get_xdata(orig=False) for b in bars.values())
    np.testing.assert_allclose(right, [100, 80], rtol=0.011)
    np.testing.assert_allclose(right / [100, 80], right[1] / 80)
    assert right[1] > 80 > control[0]
    np.testing.assert_allclose(right[1] * control[0], 80**2)
    means = [100 * np.mean([0.97, 0.98]), 100 * np.mean([0.95, 0.99])]
    np.testing.assert_allclose(line.get_ydata(orig=False), means)
    ends = [segment[:, 1] for segment in segments.get_segments()]
    np.testing.assert_allclose(ends, [[97, 98], [95, 99]])
    line, _, (segments,) = bars["random_reinit"]
    np.testing.assert_allclose(
        line.get_ydata(orig=False), [100 * np.mean([0.9, 0.94, 0.95])]
    )
    np.testing.assert_allclose(segments.get_segments()[0][:, 1], [90, 95])
    (dense,) = [x for x in axes.lines if x.get_label() == "dense network"]
    np.testing.assert_allclose(dense.get_ydata(orig=False), 97.5)


def test_replicates_are_averaged_within_their_trial_before_trials_are():
    found = {0: (0.90, 0.94, 0.95), 1: (0.80,)}
    rows = [
        row(1, "a", trial=trial, replicate=n, test_accuracy=value)
        for trial, values in found.items()
        for n, value in enumerate(values)
    ]
    figure = figure_density.draw({"": [row(0), row(1), *rows]}, None, ["test_accuracy"])
    line, _, (segments,) = drawn(figure.axes[0])["a"]
    means = [np.mean([90, 94, 95]), 80]
    np.testing.assert_allclose(line.get_ydata(orig=False), [np.mean(means)])
    np.testing.assert_allclose(segments.get_segments()[0][:, 1], [80, 95])
    title = figure.legends[0].get_title().get_text()
    assert title == ("mean over up to 2 trials,\nminimum and maximum over up to 4 runs")


def test_the_ticket_is_solid_and_controls_are_dashed_on_a_descending_axis():
    figure = figure_density.draw({"": search(3, "a", "random_reinit")})
    *panels, corner = figure.axes
    assert len(panels) == 3
    for axes in panels:
        assert axes.get_xscale() == "log"
        assert axes.get_xlim()[0] > axes.get_xlim()[1]
        styles = {name: bars[0].get_linestyle() for name, bars in drawn(axes).items()}
        assert styles == {"ticket": "-", "a": "--", "random_reinit": "--"}
    texts = [text.get_text() for text in corner.get_legend().get_texts()]
    assert texts == ["ticket", "random reinitialisation", "a", "dense network"]
    # Both accuracies have one range.
    assert panels[1].get_ylim() == panels[2].get_ylim() != panels[0].get_ylim()


def test_eight_controls_are_told_apart():
    (axes,) = figure_density.draw(
        {"": search(2, *"abcdefgh")}, None, ["test_accuracy"]
    ).axes
    looks = {
        (bars[0].get_color(), bars[0].get_linestyle(), bars[0].get_markerfacecolor())
        for bars in drawn(axes).values()
    }
    assert len(looks) == 9


def test_several_searches_have_a_colour_each_and_their_controls_dashes():
    rows = search(3, "random_reinit")
    (axes,) = figure_density.draw({"A": rows, "B": rows}, None, ["test_accuracy"]).axes
    looks = {
        name: (bars[0].get_color(), bars[0].get_linestyle())
        for name, bars in drawn(axes).items()
    }
    first, second = drawing.COLOURS[:2]
    assert looks == {
        "A": (first, "-"),
        "A, random_reinit": (first, "--"),
        "B": (second, "-"),
        "B, random_reinit": (second, "--"),
    }
    with pytest.raises(LotteryError, match="controls: 4 of several searches"):
        figure_density.draw({"A": rows, "B": search(3, *"abc")})


def test_a_control_that_fails_does_not_flatten_the_tickets():
    rows = [row(level, test_accuracy=0.98 - level / 100) for level in range(3)]
    rows += [row(level, "random_mask", test_accuracy=0.1) for level in range(1, 3)]
    (axes,) = figure_density.draw({"": rows}, None, ["test_accuracy"]).axes
    bottom, top = axes.get_ylim()
    assert 92 < bottom < 96 and 98 < top < 99
    assert [text.get_text() for text in axes.texts] == ["below: random mask"]


def test_the_best_point_of_a_control_that_is_far_below_is_shown():
    rows = [row(level, test_accuracy=0.98 - level / 100) for level in range(3)]
    rows += [row(1, "random_mask", test_accuracy=0.85)]
    rows += [row(2, "random_mask", test_accuracy=0.3)]
    (axes,) = figure_density.draw({"": rows}, None, ["test_accuracy"]).axes
    assert 84 < axes.get_ylim()[0] < 85
    assert not axes.texts


def test_a_minimum_at_the_last_evaluation_is_a_hollow_point():
    rows = [row(0), row(1, early_stop_iteration=2000), row(2)]
    rows += [row(n, "a", early_stop_iteration=1900) for n in (1, 2)]
    figure = figure_density.draw(
        {"": rows}, None, ["early_stop_iteration", "test_accuracy"]
    )
    iterations, accuracies = figure.axes
    (hollow,) = [x for x in iterations.lines if x.get_label() == "_censored"]
    np.testing.assert_allclose(hollow.get_xdata(orig=False), [80])
    np.testing.assert_allclose(hollow.get_ydata(orig=False), [2000])
    assert hollow.get_markerfacecolor() == "white"
    assert hollow.get_color() == drawing.COLOURS[0]
    assert not [x for x in accuracies.lines if x.get_label() == "_censored"]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[-1] == "hollow: minimum at the last evaluation, could come later"
    rows[1] = row(1)
    texts = figure_density.draw({"": rows}).axes[-1].get_legend().get_texts()
    assert not [text for text in texts if "hollow" in text.get_text()]


@pytest.mark.parametrize(
    ("style", "width", "shape"), [("neurips", 5.5, (2, 2)), ("icml", 3.25, (3, 1))]
)
def test_a_figure_of_a_venue_has_its_width_and_letters(style, width, shape):
    with styles.chosen(style):
        figure = figure_density.draw({"": search(3, "random_reinit")})
    assert figure.get_figwidth() == width
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == shape
    sizes = {text.get_fontsize() for axes in figure.axes for text in axes.texts}
    sizes |= {axes.yaxis.label.get_fontsize() for axes in figure.axes[:3]}
    assert min(sizes) >= 7
    assert drawing.content(figure, "pdf").startswith(b"%PDF")
    with pytest.raises(
        LotteryError, match="style='acl': use page, neurips, iclr, icml"
    ):
        styles.chosen("acl").__enter__()


def test_another_metric_than_accuracy_is_drawn_as_it_is():
    rows = [
        row(n, monitor_metric="mae", metrics={"test_mae": 2.0 + n, "test_loss": 1.0})
        for n in range(3)
    ]
    figure = figure_density.draw({"": rows}, None, ["test_accuracy"])
    (axes,) = figure.axes
    assert axes.get_ylabel() == "test mae after training"
    line = drawn(axes)["ticket"][0]
    np.testing.assert_allclose(line.get_ydata(orig=False), [2, 3, 4])
    figure = figure_density.draw({"": rows}, None, ["test_accuracy"], "loss")
    assert figure.axes[0].get_ylabel() == "test loss after training"


def test_an_unknown_metric_is_refused():
    with pytest.raises(LotteryError, match="metrics='loss' cannot be drawn"):
        figure_density.draw({"": [row()]}, None, ["loss"])


def test_the_legend_says_of_how_many_runs_points_are_the_mean():
    def title(rows) -> str:
        figure = figure_density.draw({"": rows}, None, ["test_accuracy"])
        return figure.legends[0].get_title().get_text()

    both = [row(level, trial=trial) for level in range(2) for trial in range(5)]
    assert title(both) == "mean, minimum and maximum of 5 runs"
    assert title([*both, row(1, "a")]) == "mean, minimum and maximum of up to 5 runs"
    assert title([row()]) == ""
