"""Every granularity: round trip, resume, strategy, export, and with every scope.

One of whole units, registered here, goes through all of it too, as a plug-in would.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from lth_keras.pruning import granularity
from tests.grid import rows
from tests.support import small_search as small

OURS = "rows:2"
SLOW = pytest.mark.slow
# What says most about a granularity.
FAST = (("filter", "layer"),)
TEXTS = (*rows.GRANULARITIES.values(), OURS)


class Rows(granularity.Granularity):
    """So many rows of a matrix as one."""

    def __init__(self, number: str):
        self.number = int(number)

    def check(self, tensor):
        if len(tensor.shape) != 2 or tensor.shape[0] % self.number:
            raise lth.LotteryError(f"{tensor.path} has no such rows.")

    def pool(self, tensor, scores, mask):
        # By their means, which tensors of several widths have in common.
        found = np.where(mask, scores, 0).mean(axis=1)
        return found.reshape(-1, self.number).mean(axis=1)

    def units(self, tensor, mask):
        return mask.reshape(-1, self.number * mask.shape[1]).any(axis=1)

    def spread(self, tensor, kept, mask):
        return np.repeat(kept, self.number)[:, np.newaxis]


def register() -> None:
    granularity.register("rows", r"rows:(\d+)", example=OURS)(Rows)


@pytest.fixture(autouse=True)
def ours(monkeypatch):
    entries = dict(granularity.REGISTRY.entries)
    monkeypatch.setattr(granularity.REGISTRY, "entries", entries)
    register()


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        pytest.param(text, scope, marks=() if (text, scope) in FAST else SLOW)
        for text in TEXTS
        for scope in ("layer", "global")
    ],
)
def test_it_comes_back_resumes_and_is_exported(text, scope, tmp_path):
    def model() -> keras.Model:
        keras.backend.clear_session()
        return small.compiled(granularity=text, scope=scope)

    one = model()
    one.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert Network.of(again).recipe == Network.of(one).recipe
    assert Network.of(again).recipe.granularity == text
    small.fit(small.search(one, tmp_path / "whole"), epochs=1)
    # As if it had been killed before level 2: another model goes on.
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "level02")
    found = small.search(model(), tmp_path / "cut")
    small.fit(found, epochs=1)
    assert small.lines(tmp_path / "cut") == small.lines(tmp_path / "whole")
    assert small.fingerprints(tmp_path / "cut") == small.fingerprints(
        tmp_path / "whole"
    )
    lth.verify(found.model)
    lth.export_keras(found.model, tmp_path / "m.keras", verify=False, verbose=False)
    plain = keras.models.load_model(tmp_path / "m.keras")
    assert small.same_bits(small.values(plain), small.values(found.model))


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_whole_units_are_kept_by_searches_and_by_controls(scope, tmp_path):
    search = small.search(
        small.compiled(granularity=OURS, scope=scope), tmp_path, levels=1
    )
    small.fit(search, epochs=1)
    controls = ("one_shot", "prune_at_init", "random_mask")
    for control in controls:
        lth.controls.run(search, control)
    places = [search.directory.control(name, 1, 0).ticket for name in controls]
    every = [search.ticket(1), *map(lth.Ticket.load, places)]
    numbers = []
    for ticket in every:
        kept = [mask.reshape(-1, 2 * mask.shape[1]) for _, mask in ticket.pruned()]
        assert all(np.array_equal(k.all(axis=1), k.any(axis=1)) for k in kept)
        numbers.append([int(k.any(axis=1).sum()) for k in kept])
    # Two rows of 3 are kept after 3 * 0.3 = 0.9 is rounded, of 4 after 1.2, and of all
    # together 5 after 2.1.
    if scope == "layer":
        assert numbers == [[2, 3]] * 4
    else:
        assert [sum(number) for number in numbers] == [5] * 4
        assert numbers[-1] == numbers[0]  # random_mask keeps as many of each tensor.


def test_a_tensor_without_such_units_is_refused_by_its_name():
    with pytest.raises(lth.LotteryError, match="dense/kernel has no such rows"):
        lth.wrap(small.dense_model(), granularity="rows:5")


def on_two_replicas() -> None:
    import tensorflow as tf

    register()
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    # Single weights are what tests/masking/strategies_test.py has.
    alone = small.compiled(granularity=OURS)
    with strategy.scope():
        both = small.compiled(granularity=OURS)
    assert lth.prune(alone) == lth.prune(both) < 1
    assert small.same_bits(small.masks(both), small.masks(alone))


@pytest.mark.slow
@pytest.mark.distributed
def test_it_finds_the_same_masks_on_two_replicas(in_own_process):
    in_own_process(on_two_replicas)
