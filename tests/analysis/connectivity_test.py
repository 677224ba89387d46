"""The error along a line is that of networks set by hand; children differ by order."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

import lth_keras as lth
from lth_keras import controls
from lth_keras.analysis import along, first_layer
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.runs import layout, trained
from tests.support import small_search as small

layers = keras.layers


def plain() -> keras.Model:
    return keras.Sequential(
        [layers.Dense(8, "relu", input_shape=(6,)), layers.Dense(3)]
    )


def searched(folder, model=None, levels=1, **arguments) -> lth.LotterySearch:
    one = small.search(model or small.compiled(plain()), folder, levels, **arguments)
    small.fit(one, test_data=small.TEST)
    return one


@pytest.fixture(scope="module")
def search(tmp_path_factory) -> lth.LotterySearch:
    return searched(tmp_path_factory.mktemp("search"))


def by_hand(first, second, alpha: float) -> float:
    """The test error half-way between two plain networks, in NumPy."""
    w1, b1, w2, b2 = (
        (1 - alpha) * a + alpha * b for a, b in zip(first, second, strict=True)
    )
    x, y = small.TEST
    logits = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    return float(np.mean(np.argmax(logits, 1) != y))


def test_a_path_is_what_numpy_computes_between_two_runs(search):
    before = small.values(search.model)
    line = lth.analysis.path(search, 0, 1, alphas=5)
    ends = [search.trained_weights(level) for level in (0, 1)]
    expected = [by_hand(*ends, alpha) for alpha in line.alphas]
    assert line.alphas == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert line.errors() == pytest.approx(expected)
    assert set(line.curves) == {"interpolated"}, "there is no BatchNormalization"
    rows = search.results
    assert line.errors()[0] == pytest.approx(1 - rows[0]["test_accuracy"])
    assert line.errors("train")[-1] == pytest.approx(
        1 - search.model.evaluate(small.X, small.Y, verbose=0)[1]
    )
    assert small.same_bits(small.values(search.model), before)
    lth.verify(search.model)


def test_the_ends_of_a_line_are_the_networks_bit_for_bit():
    a, b = np.float32([0.1, -0.0]), np.float32([0.3, 1e30])
    for alpha, end in ((0.0, a), (1.0, b)):
        assert small.same_bits(along.between([a], [b], alpha), [end])
    counter = np.int64(3), np.int64(9)
    assert along.between([counter[0]], [counter[1]], 0.25) == [3]


def test_children_have_one_start_and_orders_of_their_own(search):
    found = lth.analysis.instability(search, 1, "3it", alphas=3)
    places = [
        search.directory.control("weight_rewind,step=3it", 1, number)
        for number in range(2)
    ]
    tickets = [lth.Ticket.load(place.ticket) for place in places]
    assert tickets[0].fingerprint == tickets[1].fingerprint
    assert tickets[0].step == 3
    values = [list(trained.read(place).values()) for place in places]
    assert not small.same_bits(*values)
    expected = [by_hand(*values, alpha) for alpha in (0.0, 0.5, 1.0)]
    assert found.errors.shape == (1, 3)
    assert found.errors[0] == pytest.approx(expected)
    rise = 100 * (max(expected) - (expected[0] + expected[-1]) / 2)
    assert found.instability == pytest.approx(rise, abs=1e-4)
    assert (found.of, found.level, found.rewind_to) == ("ticket", 1, 3)
    assert found.alphas.tolist() == [0.0, 0.5, 1.0]


def test_what_is_stored_is_not_measured_again_unless_it_is_asked_for_in_another_way(
    search, monkeypatch
):
    first = lth.analysis.instability(search, 1, "3it", alphas=3)
    monkeypatch.setattr(along.Along, "__call__", None)
    again = lth.analysis.instability(search, 1, "3it", alphas=3)
    assert again.lines == first.lines
    with pytest.raises(TypeError):
        lth.analysis.instability(search, 1, "3it", alphas=4)
    with pytest.raises(TypeError):
        lth.analysis.instability(search, 1, "3it", alphas=3, examples=20)


@pytest.mark.slow
def test_a_dense_network_has_children_too_and_draws_are_kept(search):
    dense = lth.analysis.instability(search, 0, alphas=2)
    assert dense.density == 1.0
    lth.analysis.instability(search, 1, alphas=2, of="random_reinit")
    lth.analysis.instability(search, 1, alphas=2, of="inits")

    def starts(key: str) -> list[str]:
        places = [search.directory.control(key, 1, number) for number in range(2)]
        return [lth.Ticket.load(place.ticket).fingerprint for place in places]

    one, two = starts("random_reinit+one_draw,draw=0")
    assert one == two != search.ticket(1).fingerprint
    assert len(set(starts("random_reinit"))) == 2


@pytest.mark.slow
def test_one_draw_is_the_replicate_of_that_number(tmp_path):
    one = searched(tmp_path)
    row = controls.run(one, "one_draw:draw=1", [1])
    assert row[0]["parameters"] == {"draw": 1}
    keys = ["random_mask+one_draw,draw=1", "random_mask+one_draw,draw=0"]
    for key in keys:
        controls.run(one, key.replace(",", ":"), [1], replicates=2)
    found = [
        lth.Ticket.load(one.directory.control(key, 1, n).ticket).fingerprint
        for key in keys
        for n in range(2)
    ]
    assert found[0] == found[1] != found[2] == found[3]


@pytest.mark.slow
def test_three_children_are_three_lines(search):
    found = lth.analysis.instability(search, 1, "3it", children=3, alphas=2)
    assert found.pairs == ((0, 1), (0, 2), (1, 2)) and found.errors.shape == (3, 2)
    assert "3 pairs" in repr(found)


@pytest.mark.slow
def test_a_path_between_masks_has_the_weights_of_both(search):
    controls.run(search, "random_mask", [1])
    line = lth.analysis.path(search, 1, ("random_mask", 1), alphas=3)
    place = search.directory.control("random_mask", 1, 0)
    other = list(trained.read(place).values())
    mine = search.trained_weights(1)
    assert line.errors() == pytest.approx(
        [by_hand(mine, other, a) for a in (0, 0.5, 1)]
    )
    again = lth.analysis.path(search, 1, place.root, alphas=3)
    assert again == line
    lth.verify(search.model)


@pytest.mark.slow
def test_statistics_are_recalibrated_on_training_data(tmp_path):
    """The statistics of each of the first batches, by hand, and their mean."""
    one = searched(tmp_path, small.compiled())
    line = lth.analysis.path(one, 0, 1, alphas=3)
    assert set(line.curves) == {"interpolated", "recalibrated"}
    ends = [one.trained_weights(level) for level in (0, 1)]
    half = [(a + b) / 2 for a, b in zip(*ends, strict=True)]
    named = dict(zip([w.path for w in one.network.weights], half, strict=True))
    kernel, bias = named["dense/kernel"], named["dense/bias"]
    norm = next(path.rpartition("/")[0] for path in named if "gamma" in path)
    gamma, beta = named[f"{norm}/gamma"], named[f"{norm}/beta"]
    head = [v for k, v in named.items() if k.startswith("dense_1")]
    head.sort(key=lambda v: -v.ndim)
    sums = []
    for x, _ in one.plan.feed.sample(0, along.BATCHES, one.seed):
        hidden = np.maximum(x.numpy() @ kernel + bias, 0)
        sums.append((hidden.mean(0), hidden.var(0)))
    mean, variance = (np.mean([s[i] for s in sums], 0) for i in range(2))
    hidden = np.maximum(small.TEST[0] @ kernel + bias, 0)
    hidden = (hidden - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    wrong = np.argmax(hidden @ head[0] + head[1], 1) != small.TEST[1]
    assert line.curves["recalibrated"]["test_error"][1] == pytest.approx(wrong.mean())
    layer = next(x for x in one.model.layers if "batch" in x.name)
    assert layer.momentum == 0.99


@pytest.mark.slow
def test_an_interrupted_measurement_goes_on_and_ends_the_same(tmp_path):
    one = searched(tmp_path)
    found = lth.analysis.instability(one, 1, alphas=3)
    key = "weight_rewind,step=0it"
    pathlib.Path(one.directory.control(key, 1, 1).result).unlink()
    line = pathlib.Path(one.directory.line(key, 1, 0, 1)) / "line.json"
    before = json.loads(line.read_text())
    line.unlink()
    again = lth.analysis.instability(one, 1, alphas=3)
    assert np.array_equal(again.errors, found.errors)
    assert json.loads(line.read_text()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 7}, "level=7: give a level of the search, 0 to 1"),
        ({"children": 1}, "children=1: give networks to train, 2 to 100"),
        ({"alphas": 1}, "alphas=1: give places on a line, 2 to"),
        ({"examples": 0}, "examples=0: give examples, or None for all"),
        ({"rewind_to": "soon"}, "rewind_to='soon' is not a point in training"),
        ({"rewind_to": "99it"}, "step=99it is past the end of a run"),
        ({"of": "nothing"}, "of='nothing': use 'ticket', 'inits', or a control"),
        ({"of": "inits", "rewind_to": "3it"}, "starts from weights of its own"),
        ({"of": "one_shot", "level": 0}, "give a pruned level of the search"),
    ],
)
def test_what_cannot_be_measured_is_refused(search, arguments, message):
    given = {"level": 1, **arguments}
    with pytest.raises(LotteryError, match=message):
        lth.analysis.instability(search, **given)


def test_a_search_that_is_not_ready_is_refused(search):
    stored = lth.LotterySearch.load(search.directory.root)
    with pytest.raises(LotteryError, match="call search.fit with its arguments first"):
        lth.analysis.instability(stored, 1)
    with pytest.raises(LotteryError, match="call search.fit with its arguments first"):
        lth.analysis.path(stored, 0, 1)


@pytest.mark.slow
def test_a_search_that_prunes_first_has_children_of_its_tickets(tmp_path):
    model = small.compiled(plain(), criterion="snip")
    one = searched(tmp_path, model, first="prune")
    found = lth.analysis.instability(one, 0, alphas=2)
    assert found.of == "ticket" and found.density < 1
    place = one.directory.control("one_draw,draw=0", 0, 1)
    assert lth.Ticket.load(place.ticket).fingerprint == one.ticket(0).fingerprint
    assert isinstance(place, layout.LevelDirectory)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bias", "no bias", "functional", "weights"])
def test_a_first_dense_layer_is_computed_at_the_ends_alone_with_the_same_errors(
    kind, tmp_path, monkeypatch
):
    inputs = keras.Input((2, 3))
    x = layers.Flatten()(inputs)
    x = layers.Dense(8, "relu", use_bias=kind != "no bias")(x)
    x = layers.Dropout(0.5)(x)
    if kind != "functional":
        x = layers.BatchNormalization()(x)
    model = small.compiled(keras.Model(inputs, layers.Dense(3)(x)))
    one = small.search(model, tmp_path, 1)
    weight = np.linspace(0, 1, len(small.TEST[1]), dtype=np.float32)
    test = (*small.TEST, weight) if kind == "weights" else small.TEST
    x, y = small.TEST[0].reshape(-1, 2, 3), small.TEST[1]
    one.fit(small.X.reshape(-1, 2, 3), small.Y, verbose=0, test_data=(x, y, *test[2:]))
    assert first_layer.chain_of(one.model) is not None
    quick = lth.analysis.path(one, 0, 1, alphas=4)
    assert set(along.Along.of(one, 10_000)._between) == {"test", "train"}
    monkeypatch.setattr(first_layer, "_MOST", 0)
    monkeypatch.setattr(along, "_KEPT", {})
    slow = lth.analysis.path(one, 0, 1, alphas=4)
    assert not along.Along.of(one, 10_000)._between
    for treatment, columns in slow.curves.items():
        for column, values in columns.items():
            assert quick.curves[treatment][column] == pytest.approx(values, abs=1e-6)


def test_what_is_no_chain_of_known_layers_is_computed_whole():
    inputs = keras.Input((6,))
    x = layers.Dense(6)(inputs)
    penalised = layers.Dense(2, activity_regularizer="l2", input_shape=(3,))
    for model in (
        keras.Model(inputs, layers.Add()([x, inputs])),
        keras.Sequential([layers.Conv1D(2, 1, input_shape=(3, 2)), layers.Dense(2)]),
        keras.Sequential([layers.Dense(2, input_shape=(3, 2))]),
        keras.Sequential([penalised]),
    ):
        model.compile(loss="mse")
        assert first_layer.chain_of(model) is None
