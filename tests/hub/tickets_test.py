"""Tickets on a hub: pushed to a stand-in on this machine, pulled, and checked.

As docs/trackers.md says.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.hub import cards, tensors
from lth_keras.tickets import manifest as manifests
from lth_keras.tickets.content import TicketWeight
from tests.support.result_files import row


def made(level: int = 2, frozen: float | None = None) -> lth.Ticket:
    """A ticket of one masked kernel, perhaps frozen where it is pruned, and a bias."""
    mask = np.array([[True, False], [False, True]])
    value = np.where(mask, np.float32(1.5), np.float32(0))
    held = None
    if frozen is not None:
        held = np.where(mask, np.float32(0), np.float32(frozen))
    weights = (
        TicketWeight("dense", "Dense", "kernel", value, mask, held),
        TicketWeight("dense", "Dense", "bias", np.zeros(2, np.float32), None),
    )
    settings = {"criterion": "magnitude", "rewind_to": 0}
    return lth.Ticket(weights, level, 0, 7, settings, "f" * 64)


def test_a_card_says_what_the_ticket_is_and_what_it_came_to() -> None:
    rows = [row(2, trial=t, test_accuracy=a) for t, a in ((0, 0.98), (1, 0.976))]
    text = cards.card(made(), "me/x", "mnist", rows)
    head, _, rest = text.removeprefix("---\n").partition("---\n")
    assert head.splitlines() == [
        "library_name: lth_keras",
        *("tags:", "- lottery-ticket", "- pruning"),
        *("datasets:", "- mnist"),
    ]
    for line in (
        "| data set | mnist |",
        "| weights kept | 50.0 % of 4 |",
        "| test accuracy when trained | 97.80 (97.60-98.00, 2 trials) |".replace(
            "97.80", "97.80 %"
        ),
        f"| fingerprint | `{made().fingerprint}` |",
        f"| parent | `{'f' * 64}` |",
        "| criterion | `magnitude` |",
        "| `dense/kernel` | 50.0 |",
        'ticket = lth.hub.pull("me/x")',
    ):
        assert line in rest.splitlines(), line
    assert "datasets:" not in cards.card(made(), "me/x", None, [])
    with pytest.raises(LotteryError, match="^dataset='a: b': give the name of a data"):
        cards.card(made(), "me/x", "a: b", [])


@pytest.mark.parametrize("repo_id", ["", "a/b/c", "../x", 3, None, "a b"])
def test_what_is_no_name_of_a_repository_is_refused(repo_id) -> None:
    for call in (lambda: lth.hub.pull(repo_id), lambda: lth.hub.push(made(), repo_id)):
        with pytest.raises(LotteryError, match="^repo_id=.*: give a name on the hub"):
            call()


def test_without_the_extra_one_line_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(LotteryError, match="pip install them, or this package with"):
        lth.hub.pull("me/x")


@pytest.mark.extras
def test_what_is_pushed_is_pulled_bit_for_bit(hub) -> None:
    address = lth.hub.push(made(), "me/x", dataset="mnist", endpoint=hub.endpoint)
    assert address.startswith(hub.endpoint)
    names = {"README.md", "manifest.json", "ticket.safetensors"}
    assert set(hub.files["me/x"]) == names
    found = lth.hub.pull("me/x", endpoint=hub.endpoint)
    assert found.fingerprint == made().fingerprint
    for field in ("level", "step", "seed", "settings", "parent"):
        assert getattr(found, field) == getattr(made(), field)
    # Others read the weights by the format alone.
    numpy = pytest.importorskip("safetensors.numpy")
    tensors = numpy.load(hub.files["me/x"]["ticket.safetensors"])
    np.testing.assert_array_equal(tensors["0000/dense/kernel"], [[1.5, 0], [0, 1.5]])


@pytest.mark.extras
def test_frozen_values_come_along_and_are_finite(tmp_path, hub) -> None:
    lth.hub.push(made(frozen=0.25), "me/x", endpoint=hub.endpoint)
    found = lth.hub.pull("me/x", endpoint=hub.endpoint)
    np.testing.assert_array_equal(
        found.weights[0].effective, [[1.5, 0.25], [0.25, 1.5]]
    )
    path = str(tmp_path / tensors.NAME)
    tensors.write(path, made(frozen=np.nan))
    made(frozen=0.25).save(tmp_path / "ticket")
    with pytest.raises(LotteryError, match="0000/dense/kernel is NaN or infinite"):
        tensors.read(path, manifests.read(tmp_path / "ticket"))


@pytest.mark.extras
def test_what_is_damaged_on_the_way_is_refused(hub) -> None:
    lth.hub.push(made(), "me/x", endpoint=hub.endpoint)
    files = hub.files["me/x"]
    whole = dict(files)
    manifest = json.loads(whole["manifest.json"])
    manifest["level"] = 9
    for name, content, said in (
        ("manifest.json", json.dumps(manifest).encode(), "is altered"),
        ("ticket.safetensors", whole["ticket.safetensors"][:40], "cannot be read"),
        (
            "ticket.safetensors",
            whole["ticket.safetensors"].replace(
                np.float32(1.5).tobytes(), np.float32(2.5).tobytes()
            ),
            "does not hold the weights of its manifest",
        ),
    ):
        files.update({**whole, name: content})
        with pytest.raises(LotteryError, match=f"me/x holds no sound ticket: .*{said}"):
            lth.hub.pull("me/x", endpoint=hub.endpoint)
    with pytest.raises(LotteryError, match="the download from me/other failed"):
        lth.hub.pull("me/other", endpoint=hub.endpoint)
