"""What does not train is not pruned: frozen before wrapping or after, or inside."""

from __future__ import annotations

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.controls import continued
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network

layers = keras.layers
X = np.random.default_rng(0).random((8, 6), np.float32)
Y = np.random.default_rng(1).random((8, 3), np.float32)


def plain() -> keras.Model:
    return keras.Sequential(
        [
            layers.Dense(8, input_shape=(6,), name="first"),
            layers.Dense(3, name="second"),
        ]
    )


def compiled(rate: float = 0.2) -> keras.Model:
    model = lth.wrap(plain(), rate)
    model.compile("sgd", "mse")
    return model


def both(frozen: bool) -> keras.Model:
    """A Bidirectional layer with one half frozen, or not, and a head."""
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.Bidirectional(layers.SimpleRNN(3), name="both"),
            layers.Dense(3, name="head"),
        ]
    )
    model.get_layer("both").forward_layer.trainable = not frozen
    return model


def attention() -> keras.Model:
    inputs = keras.Input((4, 3))
    layer = layers.MultiHeadAttention(1, 2, name="attention")
    model = keras.Model(inputs, layers.Dense(2)(layer(inputs, inputs)))
    layer._query_dense.trainable = False
    return model


def across_time() -> keras.Model:
    inner = keras.Sequential(
        [layers.Dense(4, input_shape=(3,), name="kept"), layers.Dense(2)], name="inner"
    )
    inner.layers[0].trainable = False
    inputs = keras.Input((4, 3))
    return keras.Model(inputs, layers.TimeDistributed(inner, name="each")(inputs))


def densities(model: keras.Model) -> dict[str, float]:
    """Of each kernel by its path in the model and name."""
    return {
        f"{row.layer}/{row.weight}": row.density
        for row in lth.coverage(model, print_fn=None)
        if row.pruned
    }


def dense_values(model: keras.Model) -> list[np.ndarray]:
    """The kernels that do not train, in order."""
    trains = {id(v) for v in model.trainable_variables}
    return [
        v.numpy() for v in model.weights if "kernel" in v.name and id(v) not in trains
    ]


@pytest.mark.parametrize(
    ("make", "frozen", "pruned"),
    [
        pytest.param(lambda: both(frozen=True), 2, 3, marks=pytest.mark.slow),
        (attention, 1, 4),
        (across_time, 1, 1),
    ],
    ids=["bidirectional", "attention", "time distributed"],
)
def test_what_is_frozen_in_a_container_stays_dense(make, frozen, pruned, tmp_path):
    model = make()
    wrapped = lth.wrap(model, 0.5)
    network = Network.of(wrapped)
    assert len(network.pruned) == pruned
    trainable = [len(m.trainable_weights) for m in (model, wrapped)]
    assert trainable[0] == trainable[1]
    for _ in range(2):
        lth.prune(wrapped)
    for weight in network.pruned:
        kept, size = int(weight.read_mask().sum()), int(np.prod(weight.shape))
        first = size - round(0.5 * size)
        assert kept == first - round(0.5 * first), weight.path
    plain = lth.unwrap(wrapped)
    before, after = dense_values(model), dense_values(plain)
    assert len(before) == len(after) == frozen
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    # Which weights are left dense is in files and clones, not only in the flags.
    wrapped.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert densities(again) == densities(wrapped)
    clone = keras.models.clone_model(wrapped)
    assert len(Network.of(clone).pruned) == pruned


def test_the_coverage_tells_frozen_from_left_dense_for_being_frozen_once():
    wrapped = lth.wrap(both(frozen=True), 0.5)

    def reasons() -> list[str]:
        rows = lth.coverage(wrapped, print_fn=None)
        return [r.reason for r in rows if "kernel" in r.weight and not r.pruned]

    assert reasons() == ["frozen (trainable=False)"] * 2
    wrapped.get_layer("both").layer.forward_layer.trainable = True
    assert reasons() == ["not on a mask; it was frozen when the model was wrapped"] * 2


def test_a_container_that_is_built_later_is_asked_then():
    layer = layers.Bidirectional(layers.SimpleRNN(3), name="both")
    layer.forward_layer.trainable = False
    model = lth.wrap(keras.Sequential([layer, layers.Dense(2)]), 0.5)
    model.build((None, 4, 3))
    assert [w.name for w in Network.of(model).pruned] == [
        "kernel",
        "recurrent_kernel",
        "kernel",
    ]


def test_configurations_without_the_list_have_a_mask_for_each_weight():
    model = lth.wrap(both(frozen=False), 0.5)
    config = model.get_layer("both").get_config()
    assert "left_dense" not in config
    again = lth.PruneByLevel.from_config(config)
    assert again.left_dense == frozenset()


def test_a_layer_frozen_after_wrapping_is_not_pruned_until_it_trains_again():
    model = compiled()
    start = lth.capture(model)
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.layers[0].get_weights()[0]
    for _ in range(2):
        lth.prune(model)
    found = densities(model)
    assert found["first/kernel"] == 1.0 and found["second/kernel"] < 0.7
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], before)
    lth.verify(model)
    model.layers[0].trainable = True
    model.compile("sgd", "mse")
    lth.prune(model)
    size = before.size
    kept = int(model.layers[0].read_masks()[0].sum())
    assert kept == size - round(0.2 * size)
    # Frozen again, its mask stays, and it is rewound like any other.
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    mask = model.layers[0].read_masks()[0]
    lth.prune(model)
    np.testing.assert_array_equal(model.layers[0].read_masks()[0], mask)
    lth.rewind(model, lth.Start(start.weights))
    kernel = model.layers[0].get_weights()[0]
    np.testing.assert_array_equal(kernel, np.where(mask, start.weights[0], 0.0))


def test_in_global_scope_what_is_frozen_is_ranked_with_nothing():
    model = lth.wrap(plain(), 0.5, scope="global")
    model.layers[0].trainable = False
    trained = [w.read() for w in Network.of(model).pruned][1:]
    lth.prune(model)
    masks = [layer.read_masks()[0] for layer in model.layers]
    assert masks[0].all()
    flat = np.abs(np.concatenate([v.reshape(-1) for v in trained]))
    keep = flat.size - round(0.5 * flat.size)
    wanted = np.zeros(flat.size, bool)
    wanted[np.argsort(-flat, kind="stable")[:keep]] = True
    found = np.concatenate([mask.reshape(-1) for mask in masks[1:]])
    np.testing.assert_array_equal(found, wanted)


def test_what_fit_trains_decides_not_a_flag_that_was_set_since():
    """The discriminator of a GAN is frozen once it is compiled, and trains."""
    discriminator = lth.wrap(plain(), 0.5)
    discriminator.compile("sgd", "mse")
    discriminator.trainable = False
    kernels = [layer.layer.kernel.numpy() for layer in discriminator.layers]
    discriminator.fit(X, Y, verbose=0)
    trained = [layer.layer.kernel.numpy() for layer in discriminator.layers]
    assert not np.array_equal(kernels[-1], trained[-1])
    lth.prune(discriminator)
    assert all(not layer.read_masks()[0].all() for layer in discriminator.layers)
    assert not discriminator.trainable_weights
    # In a loop of the caller's own the flags of the moment count.
    with pytest.raises(LotteryError, match="frozen"):
        lth.prune(discriminator, optimizer=keras.optimizers.SGD(0.1))


def test_a_model_that_is_frozen_as_a_whole_is_refused_before_it_trains(tmp_path):
    model = compiled()
    model.trainable = False
    model.compile("sgd", "mse")
    message = r"are frozen \(trainable=False\), .*: set layer.trainable = True"
    with pytest.raises(LotteryError, match=message):
        lth.prune(model)
    with pytest.raises(LotteryError, match=message):
        lth.LotterySearch(model, 2, str(tmp_path / "run")).fit(X, Y, verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_search_leaves_a_frozen_trunk_and_goes_on_only_with_it(tmp_path):
    def made(frozen: bool) -> lth.LotterySearch:
        keras.utils.set_random_seed(0)
        model = lth.wrap(plain(), 0.5)
        model.layers[0].trainable = not frozen
        model.compile("sgd", "mse")
        return lth.LotterySearch(model, 2, str(tmp_path / "run"))

    search = made(frozen=True)
    search.fit(X, Y, verbose=0)
    masks = [w.mask for w in search.ticket(2).weights if w.mask is not None]
    assert masks[0].all() and not masks[1].all()
    total = sum(mask.size for mask in masks)
    kept = sum(int(mask.sum()) for mask in masks)
    assert search.history.results[-1]["density"] == pytest.approx(kept / total)
    made(frozen=True).fit(X, Y, verbose=0)
    with pytest.raises(LotteryError, match="rates"):
        made(frozen=False).fit(X, Y, verbose=0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_control_by_stock_tfmot_which_prunes_frozen_weights_is_refused(when):
    model = both(frozen=when == "before")
    wrapped = lth.wrap(model, 0.5)
    if when == "after":
        wrapped.get_layer("head").trainable = False
    with pytest.raises(LotteryError, match="stock tfmot prunes frozen weights too"):
        continued.check(wrapped, 10)
