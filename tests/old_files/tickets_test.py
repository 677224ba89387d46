"""Tickets of an older version: read whole, applied, trained on, written again."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.masking.network import Network
from tests.old_files import facts, jobs

NAMES = ("directions", "frozen", "global_movement", "layer_magnitude")
SLOW = ("global_movement", "layer_magnitude")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The stored tickets; no test changes them."""
    return facts.unpacked("tickets", tmp_path_factory.mktemp("old"))


def test_all_that_were_stored_are_tested(folder):
    assert sorted(path.name for path in folder.iterdir()) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_ticket_is_read_bit_for_bit(name, folder):
    ticket = lth.Ticket.load(folder / name)
    found = json.loads(json.dumps(facts.of_ticket(ticket)))
    known = facts.stored()["tickets"][name]
    assert found == {key: known[key] for key in known if key != "applied"}
    assert (ticket.optimizer is None) == (name == "global_movement")


def test_a_ticket_of_a_frozen_part_lists_its_weights_otherwise(folder, tmp_path):
    ticket = lth.Ticket.load(folder / "frozen")
    model = jobs.ticket_model("frozen", str(tmp_path / "search"))
    old, new = (list(facts.of_weights(t)) for t in (ticket, lth.Ticket.of(model)))
    assert sorted(old) == sorted(new) and old != new


@pytest.mark.parametrize("name", NAMES)
def test_a_ticket_is_written_as_it_was(name, folder, tmp_path):
    lth.Ticket.load(folder / name).save(tmp_path / "ticket")
    found, old = (facts.files_of(at) for at in (tmp_path / "ticket", folder / name))
    assert list(found) == list(old)
    manifests = [json.loads(files.pop("manifest.json")) for files in (found, old)]
    assert found == old
    for manifest in manifests:
        # Who wrote it may be another, and then the checksum of the whole is.
        del manifest["versions"], manifest["manifest_sha256"]
    assert manifests[0] == manifests[1]


@pytest.mark.slow
def test_which_of_two_like_parts_was_frozen_an_older_ticket_does_not_tell(
    folder, tmp_path
):
    """Both orders have the same names and kinds; it is taken as this version writes."""
    ticket = lth.Ticket.load(folder / "directions")
    model = jobs.ticket_model("directions", str(tmp_path / "search"))
    ticket.apply(model)
    weights = Network.of(model).weights
    assert [w.read().tobytes() for w in weights] == [
        weight.value.tobytes() for weight in ticket.weights
    ]


@pytest.mark.slow
def test_what_an_older_ticket_prunes_must_be_frozen_after_wrapping(folder, tmp_path):
    """Frozen before, it is on no mask; the older version gave it one and pruned it."""
    ticket = lth.Ticket.load(folder / "directions")
    plain = lth.unwrap(jobs.ticket_model("directions", str(tmp_path / "search")))
    model = lth.wrap(plain, 0.3)
    with pytest.raises(LotteryError, match="freeze layers .* only then"):
        ticket.apply(model)


@pytest.mark.parametrize(
    "name",
    [
        name if name not in SLOW else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
        if name != "directions"
    ],
)
def test_a_ticket_is_applied_bit_for_bit_and_trained_on_its_masks(
    name, folder, tmp_path
):
    ticket = lth.Ticket.load(folder / name)
    model = jobs.ticket_model(name, str(tmp_path / "search"))
    assert ticket.apply(model) == []
    # By name: the older version listed weights of frozen parts in another order.
    assert facts.of_variables(model) == facts.stored()["tickets"][name]["applied"]
    before = facts.masks(model)
    x = jobs.floats(12, *model.input_shape[1:])
    jobs.train(model, x)
    lth.verify(model)
    assert [m.tobytes() for m in facts.masks(model)] == [m.tobytes() for m in before]
    assert sum(map(np.sum, before)) / sum(map(np.size, before)) == ticket.density


@pytest.mark.slow
def test_the_optimizer_goes_back_to_the_state_in_the_ticket(folder, tmp_path):
    ticket = lth.Ticket.load(folder / "layer_magnitude")
    model = jobs.ticket_model("layer_magnitude", str(tmp_path / "search"))
    jobs.train(model, jobs.floats(12, 6))
    lth.rewind(model, ticket.start())
    again = lth.Ticket.of(model, lth.capture(model, step=ticket.step))
    # Rewinding leaves the masks alone, and so what they prune is not pruned here.
    assert facts.digest(again.optimizer.values()) == facts.digest(
        ticket.optimizer.values()
    )
    assert int(model.optimizer.iterations) == ticket.step == 2
    ticket.apply(model)
    assert lth.Ticket.of(model).fingerprint == ticket.fingerprint
