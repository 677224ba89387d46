"""Pruned filters go wholly, with bias, scale and offset: compact takes them out."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from lth_keras.papers import networks
from tests.support import small_search as small

layers = keras.layers
RNG = np.random.default_rng(0)


def randomised(model: keras.Model) -> keras.Model:
    """Biases, scales, offsets and statistics that are not what they are at first."""
    for weight in model.weights:
        name = weight.name.split("/")[-1]
        if "kernel" not in name:
            value = RNG.uniform(0.5, 1.5, weight.shape)
            weight.assign(value if "variance" in name else value - 0.4)
    return model


def conv_net() -> keras.Model:
    """A bias, a normalisation behind an activation, a pool, and a dense layer."""
    return randomised(
        keras.Sequential(
            [
                layers.Conv2D(6, 3, activation="relu", input_shape=(8, 8, 3), name="a"),
                layers.MaxPooling2D(),
                layers.BatchNormalization(name="a_norm"),
                layers.Conv2D(8, 3, padding="same", use_bias=False, name="b"),
                layers.BatchNormalization(name="b_norm"),
                layers.ReLU(),
                layers.Flatten(),
                layers.Dense(10, "relu", name="c"),
                layers.Dense(3, name="out"),
            ]
        )
    )


X = RNG.normal(size=(24, 8, 8, 3)).astype(np.float32)
Y = RNG.integers(0, 3, 24)


def trained(model: keras.Model, optimizer="adam") -> keras.Model:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Tracing takes longer than two small steps.
    model.compile(optimizer, loss, run_eagerly=True)
    model.fit(X, Y, batch_size=12, verbose=0)
    return model


def by_path(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: weight.read() for weight in Network.of(model).weights}


def kept(model: keras.Model) -> dict[str, np.ndarray]:
    """The filters that are left of each pruned layer."""
    return {
        w.layer: w.read_mask().reshape(-1, w.shape[-1]).any(axis=0)
        for w in Network.of(model).pruned
    }


@pytest.mark.parametrize("optimizer", ["adam", keras.optimizers.SGD(0.1, 0.9)])
def test_what_belongs_to_a_pruned_filter_is_zero_and_stays_so(optimizer):
    model = lth.wrap(conv_net(), 0.5, granularity="filter")
    before = trained(model, optimizer) and by_path(model)
    assert lth.prune(model) == 0.5
    left = kept(model)
    norms = np.abs(before["a/kernel"]).sum(axis=(0, 1, 2))
    assert set(np.flatnonzero(left["a"])) == set(np.argsort(norms)[3:])
    trained(model, optimizer)
    lth.verify(model)
    now = by_path(model)
    beside = {"a": ["a/bias", "a_norm/gamma", "a_norm/beta"], "c": ["c/bias"]}
    beside["b"] = ["b_norm/gamma", "b_norm/beta"]
    for layer, paths in beside.items():
        for path in paths:
            assert not now[path][~left[layer]].any() and now[path][left[layer]].all()
    # Units of the output layer are classes.
    assert now["out/kernel"].all() and set(left) == {"a", "b", "c"}


def test_compact_takes_pruned_filters_out_wholly():
    model = lth.wrap(conv_net(), 0.5, granularity="filter")
    lth.prune(model)
    trained(model)
    plain, compaction = lth.unwrap(model), lth.compaction(model)
    units = {row.name: row.units for row in compaction.layers}
    assert units == {
        "a": (6, 3),
        "a_norm": (6, 3),
        "b": (8, 4),
        "b_norm": (8, 4),
        "c": (10, 5),
        "out": (3, 3),
    }
    found, expected = compaction.model(X).numpy(), plain(X).numpy()
    assert np.abs(found - expected).max() < 1e-5
    assert np.array_equal(model(X).numpy(), expected)


@pytest.mark.parametrize(
    ("name", "options", "where", "parameters"),
    [
        # What masks set by hand leave: half the filters of every 3x3 layer, with
        # their scales and offsets, or of the first in each block.
        ("conv4", {"width": 0.5}, "each", 609_562),
        ("resnet20", {}, "first", 139_738),
        ("resnet20", {}, "each", 139_087),
    ],
)
@pytest.mark.slow
def test_papers_networks_get_as_small_as_masks_by_hand_make_them(
    name, options, where, parameters
):
    keras.utils.set_random_seed(0)
    base = randomised(networks.build(name, (32, 32, 3), 10, **options))
    model = lth.wrap(base, {r"conv\d+$": 0.5}, granularity="filter", where=where)
    lth.prune(model)
    x = RNG.normal(size=(4, 32, 32, 3)).astype(np.float32)
    small_model = lth.compact(model)
    assert small_model.count_params() == parameters
    assert np.abs(small_model(x).numpy() - lth.unwrap(model)(x).numpy()).max() < 1e-5


def residual() -> keras.Model:
    """Two blocks: a stem that is added to, then one with a 1x1 shortcut."""
    inputs = x = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    for block, (filters, shortcut) in enumerate([(4, False), (6, True)], 1):
        y = layers.Conv2D(filters, 3, padding="same", name=f"b{block}_1")(x)
        y = layers.ReLU()(layers.BatchNormalization(name=f"b{block}_n")(y))
        y = layers.Conv2D(filters, 3, padding="same", name=f"b{block}_2")(y)
        if shortcut:
            x = layers.Conv2D(filters, 1, name=f"b{block}_s")(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x))


@pytest.mark.slow
def test_layers_that_are_added_lose_the_same_filters_together_or_none():
    first = lth.wrap(residual(), 0.5, granularity="filter", where="first")
    assert {w.layer for w in Network.of(first).pruned} == {"b1_1", "b2_1"}
    model = lth.wrap(residual(), 0.5, granularity="filter", where="together")
    before = by_path(model)
    lth.prune(model)
    left = kept(model)
    assert np.array_equal(left["stem"], left["b1_2"]) and left["stem"].sum() == 2
    assert np.array_equal(left["b2_s"], left["b2_2"]) and left["b2_s"].sum() == 3
    norms = [
        np.abs(before[f"{layer}/kernel"]).mean(axis=(0, 1, 2))
        for layer in ("stem", "b1_2")
    ]
    assert set(np.flatnonzero(left["stem"])) == set(np.argsort(sum(norms))[2:])
    x = RNG.normal(size=(3, 6, 6, 2)).astype(np.float32)
    small_model = lth.compact(model)
    assert small_model.get_layer("b1_2").filters == 2
    assert np.abs(small_model(x).numpy() - lth.unwrap(model)(x).numpy()).max() < 1e-5


@pytest.mark.slow
def test_a_sum_of_which_a_layer_is_left_out_stays_whole():
    model = lth.wrap(
        residual(), 0.5, exclude="b2_s", granularity="filter", where="together"
    )
    assert {w.layer for w in Network.of(model).pruned} == {
        "stem",
        "b1_1",
        "b1_2",
        "b2_1",
    }
    with pytest.raises(lth.LotteryError, match="stem, b1_2 are added, and have the ra"):
        rates = {"stem": 0.2, ".": 0.5}
        lth.wrap(residual(), rates, granularity="filter", where="together")


def test_filters_are_ranked_by_the_scales_behind_them():
    model = lth.wrap(conv_net(), 0.5, exclude="c", granularity="filter:scale")
    values = by_path(model)
    start = lth.capture(model)
    lth.prune(model)
    for layer, size in (("a", 3), ("b", 4)):
        scales = np.abs(values[f"{layer}_norm/gamma"])
        assert set(np.flatnonzero(kept(model)[layer])) == set(np.argsort(scales)[size:])
    moved = lth.wrap(
        conv_net(), 0.5, "layer", "movement", exclude="c", granularity="filter:scale"
    )
    trained(moved)
    scale, first = by_path(moved)["a_norm/gamma"], start.weights[2]
    lth.prune(moved, dataclass_start(moved, first))
    order = np.argsort(np.abs(scale - first))
    assert set(np.flatnonzero(kept(moved)["a"])) == set(order[3:])
    with pytest.raises(lth.LotteryError, match="no BatchNormalization .* behind c/ker"):
        lth.wrap(conv_net(), 0.5, granularity="filter:scale")
    with pytest.raises(lth.LotteryError, match="output_rate=0.1: units of the output"):
        lth.wrap(conv_net(), 0.5, output_rate=0.1, granularity="filter")


def dataclass_start(model: keras.Model, gamma: np.ndarray) -> lth.Start:
    """The model's own weights, with another scale of the first normalisation."""
    start = lth.capture(model)
    start.weights[2] = gamma
    return start


@pytest.mark.slow
def test_tickets_and_files_keep_what_goes_with_filters(tmp_path):
    model = trained(lth.wrap(conv_net(), 0.5, granularity="filter"))
    start = lth.capture(model)
    lth.prune(model)
    lth.rewind(model, start)
    ticket = lth.Ticket.of(model)
    assert [w.path for w, _ in ticket.pruned()] == ["a/kernel", "b/kernel", "c/kernel"]
    assert ticket.density == 0.5
    ticket.save(tmp_path / "t")
    other = lth.wrap(conv_net(), 0.5, granularity="filter")
    lth.Ticket.load(tmp_path / "t").apply(other)
    plain = conv_net()
    ticket.apply(plain)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    for again in (other, loaded, plain):
        assert small.same_bits(small.values(again), small.values(model))
    for again in (other, loaded):
        trained(again)
        lth.verify(again)
        assert not by_path(again)["a_norm/beta"][~kept(model)["a"]].any()
    rows = {row.weight: row for row in lth.coverage(model, print_fn=None)[:5]}
    assert rows["bias"].reason == "goes with its filter" and not rows["bias"].pruned
    assert rows["bias"].density == 0.5
    assert lth.coverage(model, print_fn=None).density == 0.5


@pytest.mark.slow
def test_controls_start_without_what_goes_with_pruned_filters(tmp_path):
    model = lth.wrap(conv_net(), 0.5, granularity="filter")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    search = lth.LotterySearch(model, 1, str(tmp_path), seed=0)
    search.fit(X, Y, batch_size=12, verbose=0)
    counts = [int(mask.sum()) for _, mask in search.ticket(1).pruned()]
    for control in ("random_mask", "random_reinit", "one_shot"):
        lth.controls.run(search, control)
        place = search.directory.control(control, 1, 0).ticket
        ticket = lth.Ticket.load(place)
        assert [int(mask.sum()) for _, mask in ticket.pruned()] == counts
        values = {weight.path: weight for weight in ticket.weights}
        alive = values["a/kernel"].mask.any(axis=(0, 1, 2))
        for path in ("a/bias", "a_norm/gamma", "a_norm/beta"):
            assert not values[path].value[~alive].any()


def test_models_inside_a_model_have_their_own_normalisations():
    def block(name: str) -> keras.Model:
        inputs = keras.Input((4, 4, 2))
        x = layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
        x = layers.BatchNormalization(name="norm")(x)
        x = layers.Conv2D(2, 1, name="thin")(layers.ReLU()(x))
        return keras.Model(inputs, x, name=name)

    inputs = keras.Input((4, 4, 2))
    x = layers.Flatten()(block("two")(block("one")(inputs)))
    model = randomised(keras.Model(inputs, layers.Dense(2)(x)))
    model = lth.wrap(model, 0.5, exclude="thin", granularity="filter")
    lth.prune(model)
    network = Network.of(model)
    kernels = [w.read_mask().any(axis=(0, 1, 2)) for w in network.pruned]
    betas = [w.read() != 0 for w in network.held if w.name == "beta"]
    assert small.same_bits(kernels, betas) and not np.array_equal(*kernels)
