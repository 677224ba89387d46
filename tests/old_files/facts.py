"""What is measured of stored files, and what the version that wrote them measured.

`data/facts.json` holds digests and result lines, `data/numbers.npz` what models of the
older version computed, and each archive `data/*.tar.xz` one or several directories.

Whatever a file says is compared bit for bit, and so is all that NumPy alone makes of
it: masks, tickets, what a round of pruning leaves. What was trained is compared bit for
bit on the kind of machine that wrote the files (`same_machine`), since another one may
round the last bit of a sum otherwise, and within a tolerance elsewhere.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pathlib
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

import lth_keras as lth

DATA = pathlib.Path(__file__).absolute().parent / "data"
# Between two machines, of losses and outputs after a few training steps.
TOLERANCE = 2e-3


@functools.cache
def stored() -> dict[str, Any]:
    """The facts that the older version left."""
    return json.loads((DATA / "facts.json").read_text(encoding="utf-8"))


@functools.cache
def numbers() -> dict[str, np.ndarray]:
    """Inputs and outputs of the stored models, by name."""
    with np.load(DATA / "numbers.npz", allow_pickle=False) as found:
        return dict(found)


def unpacked(name: str, place: pathlib.Path) -> pathlib.Path:
    """A fresh copy, below `place`, of what an archive holds."""
    folder = place / name
    with tarfile.open(DATA / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def machine() -> dict[str, Any]:
    """What the last bits of a training run depend on."""
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    first = dict(line.split("\t", 1) for line in lines if "\t" in line)
    described = {
        key: value for key, value in first.items() if key in ("model name", "flags")
    }
    return {
        "cpu": digest([np.array(json.dumps(described, sort_keys=True))]),
        "cpus": os.cpu_count(),
        "tensorflow": tf.__version__,
        "tf_keras": keras.__version__,
        "numpy": np.__version__,
    }


@functools.cache
def same_machine() -> bool:
    """Whether training must end in the very bits that the older version had."""
    return machine() == stored()["machine"]


def digest(arrays: Iterable[Any]) -> str:
    """SHA-256 of the dtypes, shapes and bits of some arrays, in their order."""
    found = hashlib.sha256()
    for array in map(np.asarray, arrays):
        found.update(f"{array.dtype.name}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def of_ticket(ticket: lth.Ticket) -> dict[str, Any]:
    """Everything that a ticket says, arrays as digests."""
    state = ticket.optimizer
    return {
        "fingerprint": ticket.fingerprint,
        "level": ticket.level,
        "density": ticket.density,
        "step": ticket.step,
        "seed": ticket.seed,
        "parent": ticket.parent,
        "settings": ticket.settings,
        "weights": [
            [w.kind, w.name, digest([w.value]), w.mask is not None and digest([w.mask])]
            for w in ticket.weights
        ],
        "optimizer": None if state is None else digest(state.values()),
    }


def masks(model: keras.Model) -> list[np.ndarray]:
    """The masks of a wrapped model, as stock tfmot names them."""
    return [keras.backend.get_value(mask) for _, mask in held(model)]


def held(model: keras.Model) -> list[tuple[Any, Any]]:
    """Each pruned weight of a wrapped model with its mask."""
    wrappers = (m for m in model.submodules if isinstance(m, lth.PruneByLevel))
    unique = {id(layer): layer for layer in wrappers}
    found = [each[:2] for layer in unique.values() for each in layer.pruning_vars]
    return sorted(found, key=lambda pair: pair[0].name)


def of_model(model: keras.Model) -> dict[str, Any]:
    """Weights, masks, optimizer and learning rate of a compiled model."""
    optimizer = model.optimizer
    return {
        "weights": [digest([value]) for value in model.get_weights()],
        "masks": [digest([mask]) for mask in masks(model)],
        "kept": [int(np.count_nonzero(mask)) for mask in masks(model)],
        "optimizer": [digest([v.numpy()]) for v in optimizer.variables],
        "iterations": int(optimizer.iterations),
        "rates": [_rate(optimizer, step) for step in range(10)],
    }


def of_variables(model: keras.Model) -> dict[str, str]:
    """Every variable of a model by its name, the optimizer's left out."""
    found = {v.name: digest([keras.backend.get_value(v)]) for v in model.weights}
    assert len(found) == len(model.weights)
    return found


def _rate(optimizer: Any, step: int) -> float:
    """The learning rate of an iteration, in which a schedule shows itself."""
    given = optimizer.get_config()["learning_rate"]
    if isinstance(given, dict):
        given = keras.optimizers.schedules.deserialize(given)
    return float(given(step)) if callable(given) else float(given)


def of_search(directory: pathlib.Path) -> dict[str, Any]:
    """What a search and its controls came to: lines, tickets, trained weights.

    The order of a model's weights is the version's own, and with it the fingerprints of
    tickets of models with frozen parts; `tickets` and `trained` go by names.
    """
    search = lth.LotterySearch.load(directory)
    tickets = {
        place.parent.relative_to(directory).as_posix(): lth.Ticket.load(place.parent)
        for place in sorted(directory.glob("**/ticket/manifest.json"))
    }
    return {
        "rows": [without_seconds(row) for row in search.results],
        "fingerprints": {path: each.fingerprint for path, each in tickets.items()},
        "tickets": {path: by_name(of_weights(t)) for path, t in tickets.items()},
        "trained": {
            place.parents[1].relative_to(directory).as_posix(): by_name(_stored(place))
            for place in sorted(directory.glob("**/trained/weights.npz"))
        },
    }


def of_weights(ticket: lth.Ticket) -> dict[str, list[np.ndarray]]:
    """Value and mask of each of a ticket's weights, by its name."""
    masked = ((w, [] if w.mask is None else [w.mask]) for w in ticket.weights)
    return {w.path: [w.value, *mask] for w, mask in masked}


def _stored(path: pathlib.Path) -> dict[str, list[np.ndarray]]:
    """All entries of trained weights, of which newer files have the kept ones alone."""
    ticket = lth.Ticket.load(path.parents[1] / "ticket")
    masks = {weight.path: mask for weight, mask in ticket.pruned()}
    whole = {}
    with np.load(path, allow_pickle=False) as found:
        # A number stands before each name.
        for name in (n for n in found.files if "/" in n):
            value, mask = found[name], masks.get(name.partition("/")[2])
            if mask is not None and value.shape != mask.shape:
                packed, value = value, np.zeros(mask.shape, value.dtype)
                value[mask] = packed
            whole[name.partition("/")[2]] = [value]
    return whole


def by_name(arrays: Mapping[str, list[np.ndarray]]) -> str:
    """Digest of named arrays, whatever their order."""
    named = {name: digest(found) for name, found in arrays.items()}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def without_seconds(row: dict[str, Any]) -> dict[str, Any]:
    """A result line without the one thing that no two runs share."""
    return {key: value for key, value in row.items() if key != "seconds"}


def files_of(directory: pathlib.Path) -> dict[str, bytes]:
    """Every file below a directory with its content; a lock says who holds it."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def but_rows(found: dict[str, Any]) -> dict[str, Any]:
    """Facts of a search without its lines, which say more by now; see `check_rows`."""
    return {name: value for name, value in found.items() if name != "rows"}


def check_rows(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Asserts that training ended as the older version's did.

    Of what its lines did not say yet, nothing is known.
    """
    assert all(
        list(known) == [key for key in row if key in known]
        for row, known in zip(found, expected, strict=True)
    )
    found = [
        {key: row[key] for key in known}
        for row, known in zip(found, expected, strict=True)
    ]
    if same_machine():
        assert found == expected
        return
    for row, known in zip(found, expected, strict=True):
        for key, value in known.items():
            if value is None:
                assert row[key] is None, (key, known)
            elif "accuracy" in key:
                # A prediction near a border may fall on its other side.
                assert abs(row[key] - value) <= 0.1, (key, known)
            elif key == "validation_loss":
                assert abs(row[key] - value) <= 10 * TOLERANCE * (1 + value), known
            elif key != "early_stop_iteration":
                assert row[key] == value, (key, known)


def check_trained(found: np.ndarray, expected: np.ndarray) -> None:
    """Asserts that what was computed is what the older version computed."""
    if same_machine():
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
