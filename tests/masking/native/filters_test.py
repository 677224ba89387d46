"""Whole filters of Keras 3 models: by hand on each backend, and as in tf_keras."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import keras
import numpy as np
import pytest

import lth_keras as lth
from lth_keras.masking.network import Network
from tests.support import native_filters as nets
from tests.support import native_models as zoo
from tests.support.native_processes import every_backend, run_on

L = keras.layers
BUILD = {"chain": nets.chain, "residual": nets.residual}


@pytest.mark.slow
@every_backend
def test_filters_and_what_goes_with_them_are_those_kept_by_hand(backend: str) -> None:
    printed = run_on(backend, "-m", "tests.support.native_filters")
    found = json.loads(printed.splitlines()[-1])
    assert set(found) == set(nets.CASES)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def compiled(model: Any) -> Any:
    model.compile(keras.optimizers.Adam(1e-2), zoo.loss())
    return model


def masks(model: Any) -> dict[str, np.ndarray]:
    return {weight.path: weight.read_mask() for weight in Network.of(model).held}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BUILD))
@pytest.mark.parametrize(
    "given",
    [
        {"granularity": "filter", "scope": "global"},
        {"granularity": "filter:l2", "where": "together"},
        {"granularity": "filter", "where": "first", "rate": lth.budgets.erk(0.4, 2)},
        {"granularity": "filter", "criterion": "snip", "where": "together"},
    ],
    ids=["global", "together by L2", "first by budget", "together by snip"],
)
def test_rounds_and_tickets_are_those_of_the_model_in_tf_keras(
    name: str, given: dict[str, Any]
) -> None:
    model = compiled(BUILD[name]().model)
    other = BUILD[name]().model
    x, y = zoo.data()
    twin = lth.wrap(lth.from_keras3(model), **given)
    lth.compile_like(twin, model)
    lth.hold(model, **given)
    for _ in range(2):
        assert lth.prune(model, data=(x, y)) == lth.prune(twin, data=(x, y))
    lth.verify(model)
    ours, theirs = masks(model), masks(twin)
    assert set(ours) == set(theirs)
    assert all(np.array_equal(ours[path], theirs[path]) for path in ours)
    ticket = lth.Ticket.of(twin)
    lth.hold(other, **given)
    assert ticket.apply(other) == []
    assert all(np.array_equal(ours[path], mask) for path, mask in masks(other).items())
    for ours_, theirs_ in zip(
        Network.of(other).weights, Network.of(twin).weights, strict=True
    ):
        assert np.array_equal(ours_.read(), theirs_.read())
    tables = [lth.coverage(each, print_fn=None) for each in (other, twin)]
    rows = [[(r.shape, r.pruned, r.density, r.effective) for r in t] for t in tables]
    assert rows[0] == rows[1]
    follow = [row.reason for row in tables[0] if row.weight == "beta"]
    assert "goes with its filter" in follow


@pytest.mark.slow
@pytest.mark.parametrize("criterion", ["magnitude", "snip", "grasp", "synflow"])
def test_scales_are_seen_by_every_criterion_as_in_tf_keras(criterion: str) -> None:
    model = compiled(nets.scaled().model)
    given = {"granularity": "filter:scale", "criterion": criterion, "rate": 0.4}
    twin = lth.wrap(lth.from_keras3(model), **given)
    lth.compile_like(twin, model)
    lth.hold(model, **given)
    data = zoo.data()
    assert lth.prune(model, data=data) == lth.prune(twin, data=data)
    ours, theirs = masks(model), masks(twin)
    assert all(np.array_equal(ours[path], theirs[path]) for path in ours)


def test_a_search_takes_filters_through_controls_and_goes_on(
    tmp_path: pathlib.Path,
) -> None:
    x, y = zoo.data()

    def search() -> Any:
        model = compiled(nets.scaled().model)
        lth.hold(model, 0.3, granularity="filter")
        return lth.LotterySearch(model, 2, tmp_path, rewind_to="2it", seed=1)

    found = search()
    found.fit(x, y, batch_size=16, epochs=1, verbose=0)
    lth.verify(found.model)
    (line,) = lth.controls.run(found, "random_reinit", levels=[2])
    assert line["density"] == found.results[2]["density"]
    lines = [row["effective_density"] for row in found.results[:3]]
    assert lines == sorted(lines, reverse=True) and lines[2] < line["density"]
    again = search()
    again.fit(x, y, batch_size=16, epochs=1, verbose=0)
    assert again.ticket(2).fingerprint == found.ticket(2).fingerprint
    ticket, plain = again.ticket(2), nets.scaled().model
    ticket.apply(plain)
    weights = Network.of(plain).weights
    for weight, stored in zip(weights, ticket.weights, strict=True):
        assert np.array_equal(weight.read(), stored.value)
    kept = {w.path: t for w, t in zip(weights, ticket.weights, strict=True)}
    for name in ("one", "two"):
        filters = kept[f"{name}/kernel"].mask.any((0, 1, 2))
        assert 0 < filters.sum() < filters.size
        assert np.array_equal(kept[f"{name}_norm/gamma"].value != 0, filters)


def test_compact_takes_them_out_of_the_converted_model() -> None:
    model = lth.hold(nets.scaled().model, 0.5, granularity="filter")
    lth.prune(model)
    small = lth.compact(lth.from_keras3(model))
    assert [w.shape[-1] for w in small.weights if len(w.shape) == 4] == [3, 5]
    x, _ = zoo.data()
    found, expected = (np.asarray(each(x)) for each in (small, model))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_graph_of_a_class_of_ones_own_is_taken_and_released() -> None:
    class Own(keras.Model):
        """With what a class of the caller's may have."""

        def train_step(self, data: Any) -> Any:
            raise NotImplementedError

    inputs = keras.Input((4,))
    x = L.Dense(6, name="hidden")(inputs)
    model = Own(inputs, L.Dense(2, name="out")(x))
    # Which the graph does not call: its units may be outputs.
    model.beside = L.Dense(3, name="beside")
    model.beside.build((None, 6))
    lth.hold(model, 0.5, granularity="filter")
    assert set(masks(model)) == {"hidden/kernel", "hidden/bias"}
    assert lth.prune(model) == 0.5
    lth.release(model)
    assert np.count_nonzero(model.layers[1].kernel.numpy()) == 12
    assert masks(model) == {}


def test_what_has_no_filters_is_refused() -> None:
    subclassed, _ = zoo.MODELS["subclassed"]()
    with pytest.raises(lth.LotteryError, match="Blocks is no graph of layers"):
        lth.hold(subclassed, granularity="filter")
    recurrent, _ = zoo.MODELS["recurrent"]()
    with pytest.raises(lth.LotteryError, match="has no filters: leave its layer out"):
        lth.hold(recurrent, granularity="filter")
    chain = nets.chain().model
    with pytest.raises(lth.LotteryError, match="with a scale is behind separable"):
        lth.hold(chain, granularity="filter:scale")
    with pytest.raises(lth.LotteryError, match="where='first' is for whole filters"):
        lth.hold(chain, where="first")
    only = keras.Sequential([keras.Input((4,)), L.Dense(3)])
    with pytest.raises(lth.LotteryError, match="no weight that can be pruned"):
        lth.hold(only, granularity="filter")
    rates = {"stem": 0.5, "back": 0.3}
    with pytest.raises(lth.LotteryError, match="are added, and have the rates"):
        net = nets.residual().model
        lth.hold(net, rates, granularity="filter", where="together")
    # What was refused holds nothing.
    lth.hold(chain, granularity="filter", exclude=["separable", "hidden"])
    assert not any(path.startswith("separable") for path in masks(chain))
