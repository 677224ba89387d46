"""A ticket of somebody else's is data: whatever it says, it is read or refused."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil

import ml_dtypes
import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.storage import arrays
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets.content import TicketContent, TicketWeight
from tests.support import run_directories


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    """A ticket with masks, weights and an optimizer."""
    ticket_files.save(run_directories.ticket(), tmp_path / "ticket")
    return tmp_path / "ticket"


def refused(folder: pathlib.Path) -> str:
    with pytest.raises(LotteryError) as error:
        ticket_files.load(folder, TicketContent)
    line = str(error.value)
    assert "\n" not in line and len(line) < 1_000
    return line


FIELDS = ("level", "step", "seed", "settings", "parent", "fingerprint", "weights")
OF_A_WEIGHT = ("layer", "class", "name", "shape", "dtype", "density")
HOSTILE = ("x\ny", -1, True, [], {}, 10**30, [[4, 6]], "q" * 10**5, 1e308)


@pytest.mark.parametrize("field", [*FIELDS, "sha256", "density"])
def test_a_field_that_is_missing_or_of_another_kind_is_refused(folder, field) -> None:
    for value in HOSTILE:
        if (field, value) in (("settings", {}), ("level", 10**30)):
            continue
        other = folder.with_name("other")
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(folder, other)
        run_directories.signed_again(other, lambda m, v=value: m.update({field: v}))
        line = refused(other)
        assert field in line or (field == "weights" and "weight 0" in line)
    run_directories.signed_again(folder, lambda m: m.pop(field))
    assert f"has no '{field}'" in refused(folder)


@pytest.mark.parametrize("field", OF_A_WEIGHT)
def test_so_is_one_of_a_weight(folder, field) -> None:
    for value in HOSTILE:
        other = folder.with_name("other")
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(folder, other)
        run_directories.signed_again(
            other, lambda m, v=value: m["weights"][0].update({field: v})
        )
        refused(other)
    run_directories.signed_again(folder, lambda m: m["weights"][0].pop(field))
    assert f"weight 0 has no '{field}'" in refused(folder)


@pytest.mark.parametrize("shape", [[], [12], [4, 3], [-3, -4], [3, 4] + [1] * 40, [0]])
def test_a_shape_that_is_not_the_files_is_refused(folder, shape) -> None:
    run_directories.signed_again(folder, lambda m: m["weights"][0].update(shape=shape))
    refused(folder)


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/etc/hostname", "../ticket/weights.npz", "manifest.json"]
)
def test_the_manifest_names_no_other_files(folder, name) -> None:
    content = (folder / "weights.npz").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    run_directories.signed_again(folder, lambda m: m["sha256"].update({name: digest}))
    assert "a SHA-256 for masks.npz, weights.npz and perhaps" in refused(folder)


@pytest.mark.parametrize("name", ["weights.npz", "manifest.json"])
def test_a_file_of_a_ticket_is_no_link_and_no_pipe(folder, name) -> None:
    (folder / name).rename(folder.parent / name)
    (folder / name).symlink_to(folder.parent / name)
    assert f"{name} is a symbolic link" in refused(folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert f"{name} is a named pipe" in refused(folder)


def test_a_ticket_may_be_reached_through_a_link(folder) -> None:
    (folder.parent / "link").symlink_to(folder)
    found = ticket_files.load(folder.parent / "link", TicketContent)
    assert found.fingerprint == run_directories.ticket().fingerprint


def replaced(folder: pathlib.Path, file: str, content: dict) -> None:
    """Other arrays in a ticket whose checksums are all right."""
    digest = arrays.write_arrays(folder / file, content)
    run_directories.signed_again(folder, lambda m: m["sha256"].update({file: digest}))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_weights_that_no_network_can_start_from_are_refused(
    tmp_path, folder, value, place
) -> None:
    one = run_directories.ticket()
    spoilt = list(one.weights)
    broken = spoilt[place].value.copy()
    broken[(0,) * broken.ndim] = value
    weight = spoilt[place]
    spoilt[place] = TicketWeight(
        weight.layer, weight.kind, weight.name, broken, weight.mask
    )
    with pytest.raises(LotteryError, match=f"{weight.path} is NaN or infinite"):
        ticket_files.save(TicketContent(tuple(spoilt)), tmp_path / "spoilt")
    assert not (tmp_path / "spoilt").exists()
    content = arrays.read_arrays(folder / "weights.npz")
    content[f"{place:04d}/{weight.path}"][0] = value
    replaced(folder, "weights.npz", content)
    assert f"weight {weight.path} is NaN or infinite" in refused(folder)


def test_large_weights_whose_sum_overflows_are_weights(tmp_path) -> None:
    for dtype in (np.float16, np.float32, ml_dtypes.bfloat16):
        largest = np.full(4, ml_dtypes.finfo(dtype).max, dtype)
        one = TicketContent((TicketWeight("d", "Dense", "w", largest, largest > 0),))
        path = tmp_path / np.dtype(dtype).name
        ticket_files.save(one, path)
        (found,) = ticket_files.load(path, TicketContent).weights
        assert found.value.tobytes() == largest.tobytes()


def test_weights_that_are_not_in_both_are_refused(folder) -> None:
    content = arrays.read_arrays(folder / "weights.npz")
    replaced(folder, "weights.npz", {**content, "more\nthan that": np.zeros(3)})
    assert "have not the same weights" in refused(folder)
    replaced(folder, "weights.npz", dict(list(content.items())[:1]))
    assert "'0001/dense/bias' is not in the files" in refused(folder)
    replaced(folder, "weights.npz", content)
    replaced(folder, "masks.npz", {})
    assert "'0000/dense/kernel' is not in the files" in refused(folder)


@pytest.mark.parametrize("dtype", [">f4", "<f8", "<i4"])
def test_numbers_of_another_kind_are_refused(folder, dtype) -> None:
    content = arrays.read_arrays(folder / "weights.npz")
    content["0001/dense/bias"] = content["0001/dense/bias"].astype(dtype)
    replaced(folder, "weights.npz", content)
    assert "the manifest says float32" in refused(folder)


@pytest.mark.parametrize(
    "mask", [np.zeros(1, np.uint8), np.zeros(3, np.uint8), np.ones(12, bool)]
)
def test_a_mask_of_another_size_is_refused(folder, mask) -> None:
    replaced(folder, "masks.npz", {"0000/dense/kernel": mask})
    assert "its mask has not the shape (3, 4)" in refused(folder)


def test_other_weights_with_right_checksums_have_another_fingerprint(folder) -> None:
    content = arrays.read_arrays(folder / "weights.npz")
    content["0001/dense/bias"] += 1
    replaced(folder, "weights.npz", content)
    assert "the weights are not those of the manifest" in refused(folder)


def test_a_density_that_is_not_the_masks_is_refused(folder) -> None:
    run_directories.signed_again(folder, lambda m: m.update(density=0.5))
    assert "its density is 0.75, the manifest says 0.5" in refused(folder)


def test_a_file_larger_than_its_weights_is_not_read(folder) -> None:
    with open(folder / "weights.npz", "r+b") as file:
        file.truncate(1 << 42)
    assert "weights.npz has 4398046511104 bytes" in refused(folder)
