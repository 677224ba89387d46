"""A ticket on disk: what its files hold, whoever reads them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.storage import arrays
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets.content import TicketContent, TicketWeight

KERNEL = np.array([[1.0, -2.0, 0.0], [0.0, -0.0, 5.0]], np.float32)
MASK = np.array([[True, True, False], [False, True, True]])
BIAS = np.array([0.5, -0.0, 1.0], np.float32)


def content(kernel: np.ndarray = KERNEL, **fields) -> TicketContent:
    return TicketContent(
        (
            TicketWeight("dense", "Dense", "kernel", kernel, MASK),
            TicketWeight("dense", "Dense", "bias", BIAS, None),
        ),
        **fields,
    )


def test_files_hold_packed_masks_kept_values_and_their_checksums(tmp_path) -> None:
    path = tmp_path / "ticket"
    ticket_files.save(content(level=2, settings={"rates": (0.2, 0.1)}), path)
    kept = arrays.read_arrays(path / "weights.npz")
    assert kept["0000/dense/kernel"].tobytes() == KERNEL[MASK].tobytes()
    assert kept["0001/dense/bias"].tobytes() == BIAS.tobytes()
    packed = arrays.read_arrays(path / "masks.npz")
    assert {k: v.tolist() for k, v in packed.items()} == {
        "0000/dense/kernel": [0b11001100]
    }
    manifest = json.loads((path / "manifest.json").read_text())
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((path / name).read_bytes()).hexdigest() == digest
    assert manifest["density"] == manifest["weights"][0]["density"] == 4 / 6
    assert manifest["weights"][1]["density"] is None
    assert {"tf_keras", "tensorflow", "numpy"} < set(manifest["versions"])
    loaded = ticket_files.load(path, TicketContent)
    assert loaded.weights[0].value.tobytes() == KERNEL.tobytes()
    assert loaded.settings == {"rates": [0.2, 0.1]}


def test_fingerprints_tell_weights_masks_and_signs_of_zeros_apart() -> None:
    one = content()
    assert one.fingerprint == content(level=5).fingerprint
    assert one.fingerprint != content(KERNEL + 0.0).fingerprint
    other = TicketWeight("dense", "Dense", "kernel", KERNEL, np.ones((2, 3), bool))
    assert one.fingerprint != TicketContent((other, one.weights[1])).fingerprint
    renamed = TicketWeight("dense_7", "Dense", "kernel", KERNEL, MASK)
    assert one.fingerprint == TicketContent((renamed, one.weights[1])).fingerprint


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def full(*arguments, **named) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lth_keras.storage.npz_writing.os.fsync", full)
    with pytest.raises(LotteryError, match="ticket.*No space left on device"):
        ticket_files.save(content(), tmp_path / "ticket")
    assert list(tmp_path.iterdir()) == []
