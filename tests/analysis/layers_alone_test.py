"""The loss with each layer pruned alone, against plain Keras with zeros set by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

import lth_keras as lth
from lth_keras.analysis.layers_alone import Sensitivity
from lth_keras.errors import LotteryError
from tests.support import small_search as small

X, Y = small.data()


def by_hand(kernel: np.ndarray, share: float) -> np.ndarray:
    """The kernel without that share of its smallest entries; the first of ties go."""
    flat = kernel.flatten()
    order = np.argsort(np.abs(flat), kind="stable")
    flat[order[: round(share * flat.size)]] = 0
    return flat.reshape(kernel.shape)


@pytest.mark.slow
def test_the_losses_are_those_of_plain_keras_with_zeros() -> None:
    model = small.compiled()
    model.fit(X, Y, epochs=3, verbose=0)
    before = [w.numpy() for w in model.weights]
    found = lth.sensitivity(model, (X, Y), [0.9, 0.5])
    for now, then in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(now.numpy(), then)
    assert found.shares == (0.5, 0.9) and list(found.losses) == [
        path for path in found.sizes
    ]
    plain = lth.unwrap(model)
    plain.compile("sgd", model.loss)
    assert found.loss == pytest.approx(plain.evaluate(X, Y, verbose=0), rel=1e-5)
    for path, losses in found.losses.items():
        variable = plain.get_layer(found.layers[path]).kernel
        kernel = variable.numpy()
        for share, loss in zip(found.shares, losses, strict=True):
            variable.assign(by_hand(kernel, share))
            expected = plain.evaluate(X, Y, verbose=0)
            assert loss == pytest.approx(expected, rel=1e-5)
        variable.assign(kernel)
    with pytest.raises(LotteryError, match="cannot be evaluated"):
        lth.sensitivity(model, (X[:, :2], Y), [0.5])
    # Its rates are some that `wrap` takes.
    lth.wrap(plain, rate=found.rates(0.1, tolerance=10.0))


def made(losses: dict[str, list[float]], sizes: dict[str, int]) -> Sensitivity:
    arrays = {path: np.array(values) for path, values in losses.items()}
    layers = {path: path.split("/")[0] for path in losses}
    return Sensitivity(1.0, (0.5, 0.8, 0.9), arrays, sizes, layers)


def test_a_layer_bears_the_largest_share_below_which_nothing_costs_more() -> None:
    found = made(
        {
            "a/kernel": [1.0, 1.04, 1.2],
            "b/kernel": [1.1, 1.0, 1.0],
            "c/kernel": [0.9, 0.9, np.nan],
        },
        {"a/kernel": 10, "b/kernel": 10, "c/kernel": 10},
    )
    assert found.bearable() == {"a/kernel": 0.8, "b/kernel": 0.0, "c/kernel": 0.8}
    assert found.bearable(0.3)["a/kernel"] == 0.9
    with pytest.raises(LotteryError, match="^tolerance=-1: give a share of the loss"):
        found.bearable(-1)


def test_rates_prune_what_is_asked_for_and_reach_all_limits_together() -> None:
    sizes = {"a/kernel": 300, "b.1/kernel": 100}
    found = made({"a/kernel": [1, 1, 2], "b.1/kernel": [1, 2, 2]}, sizes)
    rates = found.rates(0.2)
    a, b = rates["^a$"], rates[r"^b\.1$"]
    assert 300 * a + 100 * b == pytest.approx(0.2 * 400)
    # The number of rounds to the limit is one for both.
    assert np.log(1 - 0.8) / np.log(1 - a) == pytest.approx(np.log(0.5) / np.log(1 - b))
    losses = {"a/kernel": [1.0, 1.0, 2.0], "b/kernel": [2.0, 2.0, 2.0]}
    one = made(losses, dict.fromkeys(losses, 1))
    assert one.rates(0.2) == {"^a$": pytest.approx(0.4), "^b$": None}
    assert re.search(list(rates)[1], "b.1") and not re.search(list(rates)[1], "bx1")
    said = "rate=0.9: within tolerance=0.05 the layers bear to lose 0.725 of"
    with pytest.raises(LotteryError, match=said):
        found.rates(0.9)


def test_it_is_shown_as_a_line_a_table_and_a_figure() -> None:
    found = made({"a/kernel": [1.0, 1.5, np.nan]}, {"a/kernel": 10})
    assert repr(found) == "Sensitivity(1 weights, loss 1)"
    assert str(found).splitlines()[1].split() == ["a/kernel", "1", "1.5", "-"]
    assert "<td>1.5</td>" in found._repr_html_()
    axes = found.plot(Figure().subplots())
    line = axes.get_lines()[0]
    assert list(line.get_xdata()) == [0, 50, 80, 90]
    assert list(line.get_ydata())[:3] == [1.0, 1.0, 1.5]
