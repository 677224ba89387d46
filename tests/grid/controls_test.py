"""Every control: how it is written, its mask and start, resume, strategy, export."""

from __future__ import annotations

import json
import os
import pathlib

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.masking.network import Network
from lth_keras.runs import layout
from tests.grid import rows
from tests.support import small_search as small

# A start, a mask, values, and a ticket of elsewhere.
FAST = ("constant", "random_mask", "random_reinit", "transfer")
every = pytest.mark.parametrize("name", rows.CONTROLS)
trained = pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in rows.CONTROLS
    ],
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> lth.LotterySearch:
    one = small.search(small.compiled(), tmp_path_factory.mktemp("search"), levels=2)
    small.fit(one, epochs=1, validation_data=small.VALIDATION)
    return one


def asked(search: lth.LotterySearch, name: str) -> str:
    """The control as it is written; where it reads a ticket, of another network."""
    text, place = rows.CONTROLS[name].text, f"{search.directory.root}_other"
    if "{ticket}" in text and not os.path.exists(place):
        model = lth.wrap(small.dense_model(9), 0.3)
        for _ in range(2):
            lth.prune(model)
        lth.Ticket.of(model).save(place)
    return text.format(ticket=place)


def place_of(search: lth.LotterySearch, name: str) -> layout.LevelDirectory:
    key = lth.controls.parse(asked(search, name)).key
    return search.directory.control(key, 2, 0)


def run(search: lth.LotterySearch, name: str) -> dict:
    (row,) = lth.controls.run(search, asked(search, name), levels=[2])
    return {key: value for key, value in row.items() if key != "seconds"}


@every
def test_it_is_written_as_it_is_read(name):
    control = lth.controls.parse(rows.CONTROLS[name].text.format(ticket="runs/a%2Bb"))
    assert control.name == name
    # The key of a directory: commas where the text has colons.
    assert lth.controls.parse(control.key.replace(",", ":")) == control


@trained
def test_it_trains_its_own_mask_and_start_and_again_the_same(searched, name):
    row, wanted = run(searched, name), rows.CONTROLS[name]
    place = place_of(searched, name)
    mine, ticket = lth.Ticket.load(place.ticket), searched.ticket(2)
    pairs = zip(mine.pruned(), ticket.pruned(), strict=True)
    kept, same_mask, same_start = 0, True, True
    for (weight, mask), (other, its_mask) in pairs:
        assert not weight.value[~mask].any()
        both = mask & its_mask
        kept += int(mask.sum()) - int(its_mask.sum())
        same_mask &= np.array_equal(mask, its_mask)
        same_start &= np.array_equal(weight.value[both], other.value[both])
    assert (same_mask, same_start) == (wanted.same_mask, wanted.same_start)
    # tfmot, which `continued` is carried out by, rounds once and not every round.
    assert abs(kept) <= (2 if name == "continued" else 0)
    # As if it had been killed before its result was written.
    pathlib.Path(place.result).unlink()
    assert run(searched, name) == row
    assert json.loads(pathlib.Path(place.result).read_text())["control"] == name


@trained
def test_what_it_found_can_be_exported(searched, name, tmp_path):
    run(searched, name)
    ticket = lth.Ticket.load(place_of(searched, name).ticket)
    model = small.compiled()
    ticket.apply(model)
    lth.verify(model)
    plain = lth.unwrap(model)
    for weight, value in zip(ticket.weights, plain.get_weights(), strict=True):
        assert weight.effective.tobytes() == value.tobytes()


def on_two_replicas() -> None:
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = small.compiled()
    one = small.search(model, "search", levels=2)
    small.fit(one, epochs=1)
    for name in rows.CONTROLS:
        row = run(one, name)
        assert row["control"] == name and 0 < row["density"] < 1
        lth.verify(one.model)
        for weight in Network.of(model).pruned:
            first, second = (part.numpy() for part in weight.mask.values)
            assert np.array_equal(first, second)


@pytest.mark.slow
@pytest.mark.distributed
def test_it_trains_on_two_replicas(in_own_process):
    in_own_process(on_two_replicas, timeout=600)
