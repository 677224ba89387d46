"""The effective density of Keras 3 models: paths counted by hand, and tf_keras's."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

import lth_keras as lth
from lth_keras.masking import paths
from lth_keras.masking.network import Network
from tests.support import native_models as zoo
from tests.support.native_kinds import shared
from tests.support.native_paths import MODELS, masked
from tests.support.native_processes import every_backend, run_on

L = keras.layers
GRAPHS = {
    **{name: build for name, build in zoo.MODELS.items() if name != "subclassed"},
    **{name: MODELS[name] for name in ("chain", "branches")},
    "shared": lambda: (shared(), None),
}


@pytest.mark.slow
@every_backend
def test_entries_on_a_path_are_those_of_paths_counted_one_by_one(backend: str) -> None:
    printed = run_on(backend, "-m", "tests.support.native_paths")
    found = json.loads(printed.splitlines()[-1])
    assert len(found) == 2 * len(MODELS)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_paths_of_two_matrices_are_counted_by_hand() -> None:
    model = keras.Sequential([keras.Input((2,)), L.Dense(3), L.Dense(2)])
    network = Network.of(lth.hold(model, 0.5))
    first, second = network.pruned
    first.write_mask(np.array([[1, 0, 1], [0, 0, 1]], bool))
    second.write_mask(np.array([[0, 0], [1, 1], [1, 0]], bool))
    # Unit 0 leads nowhere, nothing leads to unit 1: unit 2 is left.
    assert [e.astype(int).tolist() for e in paths.effective(network) or ()] == [
        [[0, 0, 1], [0, 0, 1]],
        [[0, 0], [0, 0], [1, 0]],
    ]
    table = lth.coverage(model, print_fn=None)
    assert (table.density, table.effective_density) == (6 / 12, 3 / 12)
    assert [row.effective for row in table if row.pruned] == [2 / 6, 1 / 6]
    second.write_mask(np.zeros((3, 2), bool))
    assert paths.density(network) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_it_is_that_of_the_same_ticket_in_tf_keras(name: str) -> None:
    model, _ = GRAPHS[name]()
    twin = lth.wrap(lth.from_keras3(model))
    network = masked(lth.hold(model), 0.3)
    lth.Ticket.of(model).apply(twin)
    theirs = Network.of(twin)
    assert paths.density(network) == paths.density(theirs)
    pairs = zip(
        paths.effective(network) or (), paths.effective(theirs) or (), strict=True
    )
    assert all(np.array_equal(*pair) for pair in pairs)


def test_a_model_that_is_no_graph_has_no_number() -> None:
    model, _ = zoo.MODELS["subclassed"]()
    network = masked(lth.hold(model), 0.3)
    assert paths.effective(network) is None and paths.density(network) is None
    table = lth.coverage(model, print_fn=None)
    assert table.effective_density == table.density == pytest.approx(network.density)


def test_layers_that_the_graph_does_not_call_count_as_on_a_path() -> None:
    model, _ = MODELS["of_own_class"]()
    model.beside = L.Dense(3, name="beside")
    model.beside.build((None, 4))
    network = masked(lth.hold(model), 0.4)
    *_, beside = paths.effective(network) or ()
    assert np.array_equal(beside, network.pruned[-1].read_mask())
    assert network.pruned[-1].layer == "beside"


def test_result_lines_and_analyses_have_it(tmp_path: Any) -> None:
    x = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
    model = keras.Sequential([keras.Input((6,)), L.Dense(4), L.Dense(2)])
    model.compile("sgd", "mse")
    search = lth.LotterySearch(lth.hold(model, 0.7), 2, tmp_path)
    search.fit(x, x[:, :2], epochs=1, verbose=0)
    found = lth.analysis.effective_density(search, 2)
    masks = [mask for _, mask in search.ticket(2).pruned()]
    expected = sum(map(np.count_nonzero, paths.effective(search.network, masks) or ()))
    assert found.total.on_paths == expected < found.total.kept
    assert search.results[2]["effective_density"] == expected / 32


def test_an_analysis_of_a_model_that_is_no_graph_says_so(tmp_path: Any) -> None:
    class Called(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = L.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(x)

    x, model = np.ones((8, 3), "float32"), Called()
    model(x)
    model.compile("sgd", "mse")
    search = lth.LotterySearch(lth.hold(model, 0.5), 1, tmp_path)
    search.fit(x, x[:, :2], epochs=1, verbose=0)
    assert search.results[1]["effective_density"] is None
    with pytest.raises(lth.LotteryError, match="Called is a Keras 3 model that is no"):
        lth.analysis.effective_density(search, 1)
