"""Errors between runs of Keras 3 models are what NumPy computes, on each backend."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.runs import trained
from tests.support import keras3_jobs as jobs

pytestmark = pytest.mark.slow


@pytest.fixture(params=jobs.BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def hidden(weights, x):
    return np.maximum(x @ weights[0] + weights[1], 0)


def measured(weights, x, y) -> tuple[float, float]:
    """Error and loss of a dense network with a normalisation in its middle."""
    _, _, scale, offset, mean, variance, kernel, bias = weights
    normal = (hidden(weights, x) - mean) / np.sqrt(variance + 1e-3)
    logits = (normal * scale + offset) @ kernel + bias
    shifted = logits - logits.max(1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y]
    return float(np.mean(logits.argmax(1) != y)), float(losses.mean())


def recalibrated(weights, batches):
    """The same weights with the mean statistics of some batches."""
    seen = [hidden(weights, batch) for batch in batches]
    mean = np.mean([each.mean(0) for each in seen], 0)
    variance = np.mean([each.var(0) for each in seen], 0)
    return [*weights[:4], mean, variance, *weights[6:]]


def test_errors_on_a_line_are_those_between_two_runs(backend, tmp_path) -> None:
    told = jobs.told("lines", backend, tmp_path, "keras3_analyses")
    found = lth.LotterySearch.load(tmp_path)
    ends = [found.trained_weights(level) for level in (0, 2)]
    x, _ = jobs.data(45, 0)
    batches = [x[at : at + jobs.BATCH] for at in range(0, len(x), jobs.BATCH)]
    data = {"test": jobs.data(20, 2), "train": jobs.data(45, 0)}
    assert set(told["curves"]) == {"interpolated", "recalibrated"}
    for place, alpha in enumerate((0.0, 0.5, 1.0)):
        weights = [(1 - alpha) * a + alpha * b for a, b in zip(*ends, strict=True)]
        ways = {
            "interpolated": weights,
            "recalibrated": recalibrated(weights, batches),
        }
        for way, own in ways.items():
            for name, (inputs, labels) in data.items():
                error, loss = measured(own, inputs, labels)
                curves = told["curves"][way]
                assert curves[f"{name}_error"][place] == pytest.approx(error)
                assert curves[f"{name}_loss"][place] == pytest.approx(loss, rel=1e-4)
    assert told["restored"]

    places = [
        found.directory.control("weight_rewind,step=3it", 1, number)
        for number in range(2)
    ]
    ends = [list(trained.read(place).values()) for place in places]
    assert not all(np.array_equal(*pair) for pair in zip(*ends, strict=True))
    expected = []
    for alpha in (0.0, 0.5, 1.0):
        weights = [(1 - alpha) * a + alpha * b for a, b in zip(*ends, strict=True)]
        expected.append(measured(recalibrated(weights, batches), *data["test"])[0])
    assert told["errors"] == [pytest.approx(expected)]
    rise = 100 * (max(expected) - (expected[0] + expected[-1]) / 2)
    assert told["instability"] == pytest.approx(rise, abs=1e-4)
