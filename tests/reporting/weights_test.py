"""Distributions of kept weights: heights, panels, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.reporting import weights as figure_weights


def tickets(layers: int, count: int = 2) -> list[tuple]:
    rng = np.random.default_rng(0)
    return [
        (
            0.5**n,
            {
                f"layer{i}/kernel": (
                    rng.normal(0, 0.1, 400).astype(np.float32),
                    rng.normal(0, 0.3, 400).astype(np.float32),
                )
                for i in range(layers)
            },
        )
        for n in range(count)
    ]


def test_a_histogram_has_an_area_of_one():
    values = np.random.default_rng(0).uniform(-1, 1, 1000)
    heights, edges = figure_weights.histogram(values, -1, 1)
    assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
    assert len(heights) == 20  # Rice: 2 n^(1/3)
    counts = [
        np.sum((values >= a) & (values < b)) for a, b in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(heights, np.array(counts) / 1000 / 0.1)


def test_each_layer_has_its_initial_above_its_trained_weights():
    found = tickets(3)
    figure = figure_weights.draw(found, "A net")
    upper, lower = figure.axes[:3], figure.axes[3:]
    titles = [axes.get_title() for axes in upper]
    assert titles == ["layer0/kernel", "layer1/kernel", "layer2/kernel"]
    assert {axes.get_xlabel() for axes in upper} == {"initial weight"}
    assert {axes.get_xlabel() for axes in lower} == {"trained weight"}
    initial, trained = found[0][1]["layer0/kernel"]
    for axes, values in ((upper[0], initial), (lower[0], trained)):
        assert len(axes.patches) == 2
        heights, edges, _ = axes.patches[0].get_data()
        expected, _ = np.histogram(values, bins=edges, density=False)
        np.testing.assert_allclose(heights * 400 * np.diff(edges), expected, atol=1)
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["100.0 %", "50.0 %"]


def test_of_deep_networks_eight_layers_are_shown():
    figure = figure_weights.draw(tickets(20, 1), "A net")
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert len(titles) == 8
    assert (titles[0], titles[-1]) == ("layer0/kernel", "layer19/kernel")
    assert figure.get_suptitle() == "A net: 8 of 20 layers"


def test_too_many_tickets_or_none_are_refused(tmp_path):
    for count in (0, 8):
        with pytest.raises(LotteryError, match=f"{count} tickets cannot be drawn"):
            figure_weights.figure(tickets(1, count), tmp_path / "figure.png")
