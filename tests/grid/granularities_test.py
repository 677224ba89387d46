"""Every granularity: round trip, resume, strategy, export, and with every scope."""

from __future__ import annotations

import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.masking.network import Network
from tests.grid import rows
from tests.support import small_search as small

every = pytest.mark.parametrize("name", rows.GRANULARITIES)


@every
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_it_comes_back_resumes_and_is_exported(name, scope, tmp_path):
    def model() -> keras.Model:
        keras.backend.clear_session()
        given = {"granularity": rows.GRANULARITIES[name], "scope": scope}
        return small.compiled(**given)

    one = model()
    one.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert Network.of(again).recipe == Network.of(one).recipe
    small.fit(small.search(one, tmp_path / "whole"), epochs=1)
    small.fit(small.search(model(), tmp_path / "cut", levels=2), epochs=1)
    for leftover in (tmp_path / "cut" / "level02").glob("result.json"):
        leftover.unlink()
    found = small.search(model(), tmp_path / "cut")
    small.fit(found, epochs=1)
    assert small.lines(tmp_path / "cut") == small.lines(tmp_path / "whole")
    lth.verify(found.model)
    lth.export_keras(found.model, tmp_path / "m.keras", verify=False, verbose=False)
    plain = keras.models.load_model(tmp_path / "m.keras")
    assert small.same_bits(small.values(plain), small.values(found.model))


def on_two_replicas() -> None:
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for text in rows.GRANULARITIES.values():
        alone = small.compiled(granularity=text)
        with strategy.scope():
            both = small.compiled(granularity=text)
        assert lth.prune(alone) == lth.prune(both) < 1
        assert small.same_bits(small.masks(both), small.masks(alone)), text


@pytest.mark.distributed
def test_it_finds_the_same_masks_on_two_replicas(in_own_process):
    in_own_process(on_two_replicas)
