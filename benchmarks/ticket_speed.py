"""What it costs that a ticket is checked: saving and loading against plain NumPy.

Both arms hold the same numbers. NumPy writes and reads them bare; a ticket is atomic,
on the disk when `save` returns, named by SHA-256, and every byte, mask and number of it
is looked at when it is loaded.

    python benchmarks/ticket_speed.py
"""

from __future__ import annotations

import os
import shutil
import tempfile

import numpy as np
from absl import app, flags

import paired
from lth_keras.tickets import files
from lth_keras.tickets.content import TicketContent, TicketWeight

_PAIRS = flags.DEFINE_integer("pairs", 9, "Pairs of runs per figure.")
_MEGABYTES = flags.DEFINE_integer("megabytes", 100, "Size of the network's weights.")
_LAYERS = 20


def _ticket(kept: float, megabytes: int) -> TicketContent:
    """A network of float32 kernels and biases, of whose kernels a share is kept."""
    rng = np.random.default_rng(0)
    width = round((megabytes * 1e6 / 4 / _LAYERS) ** 0.5)
    weights = []
    for layer in range(_LAYERS):
        mask = rng.random((width, width)) < kept
        kernel = np.where(mask, rng.standard_normal((width, width), np.float32), 0)
        name = f"dense_{layer}"
        weights.append(
            TicketWeight(name, "Dense", "kernel", kernel.astype(np.float32), mask)
        )
        bias = rng.standard_normal(width, np.float32)
        weights.append(TicketWeight(name, "Dense", "bias", bias, None))
    return TicketContent(tuple(weights), level=1)


def _measure(kept: float, folder: str) -> None:
    one = _ticket(kept, _MEGABYTES.value)
    bare = {str(i): w.value for i, w in enumerate(one.weights)}
    place, plain = os.path.join(folder, "ticket"), os.path.join(folder, "bare.npz")

    def save() -> None:
        # A new one, which knows no fingerprint yet.
        fresh = TicketContent(one.weights, level=1)
        files.save(fresh, place, overwrite=True)

    def load_bare() -> dict[str, np.ndarray]:
        with np.load(plain) as stored:
            return {name: stored[name] for name in stored}

    said = f"{_MEGABYTES.value} MB, {100 * kept:g} % kept"

    def save_bare() -> None:
        np.savez(plain, **bare)

    def save_to_disk() -> None:
        save_bare()
        with open(plain, "rb") as file:
            os.fsync(file.fileno())

    found = paired.measure(save, save_bare, _PAIRS.value)
    paired.report(f"ticket {said}: save / np.savez", found, "<= 1.5")
    found = paired.measure(save, save_to_disk, _PAIRS.value)
    paired.report(f"ticket {said}: save / np.savez and fsync", found, "<= 1.5")
    found = paired.measure(
        lambda: files.load(place, TicketContent), load_bare, _PAIRS.value
    )
    paired.report(f"ticket {said}: load / np.load", found, "<= 2")


def main(_: list[str]) -> None:
    folder = tempfile.mkdtemp(prefix="ticket_speed_")
    try:
        for kept in (1.0, 0.2):
            _measure(kept, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    app.run(main)
