"""Every criterion: what it keeps, round trip, resume, strategy, export."""

from __future__ import annotations

import pathlib
import shutil

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from lth_keras.pruning.criteria import registry
from lth_keras.pruning.recipe import Recipe
from lth_keras.pruning.scores import Values
from tests.grid import rows
from tests.support import small_search as small

every = pytest.mark.parametrize("name", rows.CRITERIA)
# A model takes seconds; what differs between these is what they read and draw.
FAST = ("movement",)
few = pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in rows.CRITERIA
    ],
)
DATA = (small.X, small.Y)


class Seen:
    """What a criterion of the whole network is given, of one weight tensor."""

    data = DATA
    weights = [np.array(rows.TRAINED)]

    def gradients(self):
        return [np.array(rows.GRADIENTS)]

    def hessian_products(self, vectors):
        assert np.array_equal(vectors[0], rows.GRADIENTS)
        return [np.array(rows.PRODUCTS)]

    def flow(self):
        return [np.array(rows.FLOW)]


@every
def test_it_keeps_what_its_formula_says(name):
    columns = (rows.TRAINED, rows.INITIAL, rows.GRADIENTS)
    values = Values(*([np.array(column)] for column in columns), context=Seen())
    recipe = Recipe(name, rates=(0.5,))
    scores = recipe.scores(values, np.random.default_rng(0))
    (mask,) = recipe.shrink(scores, [np.ones(4, bool)])
    assert np.flatnonzero(mask).tolist() == rows.CRITERIA[name]


@few
def test_a_wrapped_model_keeps_it_in_its_configuration(name, tmp_path):
    wrapped = lth.wrap(small.dense_model(), {"dense": 0.3}, criterion=name)
    wrapped.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert Network.of(again).recipe == Network.of(wrapped).recipe
    assert Network.of(again).recipe == Recipe(name, rates=(0.3, 0.3))


@few
@pytest.mark.slow
def test_a_search_that_was_stopped_ends_as_one_that_was_not(name, tmp_path):
    def searched(folder: pathlib.Path) -> None:
        def on_result(row):
            # What a search has stored that is stopped between two levels.
            if row["level"] == 1 and not cut.exists():
                shutil.copytree(whole, cut)

        keras.backend.clear_session()
        model = small.compiled(criterion=name)
        small.fit(small.search(model, folder, on_result=on_result), epochs=1)

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    searched(whole)
    assert not (cut / "level02").exists()
    searched(cut)
    assert small.lines(cut) == small.lines(whole)
    assert small.fingerprints(cut) == small.fingerprints(whole)


@few
def test_what_it_prunes_is_exactly_zero_in_an_export(name, tmp_path):
    model = small.compiled(criterion=name)
    lth.prune(model, lth.capture(model), data=DATA)
    lth.export_keras(model, tmp_path / "m.keras", verify=False, verbose=False)
    plain = keras.models.load_model(tmp_path / "m.keras")
    for mine, theirs in zip(
        Network.of(model).weights, plain.get_weights(), strict=True
    ):
        kept = np.where(mine.read_mask(), mine.read(), 0)
        assert theirs.tobytes() == kept.tobytes()


def register_sensitivity() -> str:
    """Registers a criterion of gradients, SNIP's; the library has none yet."""

    @lth.criteria.register("sensitivity", needs=("gradients",))
    def sensitivity(initial, trained, rng, gradients):
        """|w_f g| (1810.02340)."""
        return np.abs(trained * gradients)

    return "sensitivity"


@pytest.mark.slow
def test_a_criterion_of_gradients_takes_one_row(monkeypatch, tmp_path):
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))
    name = register_sensitivity()
    monkeypatch.setitem(rows.CRITERIA, name, [0, 1])  # 2, 4, .3, 1
    test_it_keeps_what_its_formula_says(name)
    test_a_wrapped_model_keeps_it_in_its_configuration(name, tmp_path)
    test_a_search_that_was_stopped_ends_as_one_that_was_not(name, tmp_path)
    test_what_it_prunes_is_exactly_zero_in_an_export(name, tmp_path)


def on_two_replicas() -> None:
    """Replicas hold one mask, and the one that a single device finds."""
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for name in {*rows.CRITERIA, register_sensitivity()}:
        alone = small.compiled(criterion=name)
        with strategy.scope():
            both = small.compiled(criterion=name)
        for model in (alone, both):
            lth.prune(model, lth.capture(model), data=DATA)
        assert small.same_bits(small.masks(both), small.masks(alone)), name
        assert small.same_bits(small.values(both), small.values(alone)), name
        for weight in Network.of(both).pruned:
            first, second = (part.numpy() for part in weight.mask.values)
            assert np.array_equal(first, second)
        lth.verify(both)


@pytest.mark.slow
@pytest.mark.distributed
def test_it_finds_the_same_masks_on_two_replicas(in_own_process):
    in_own_process(on_two_replicas)
