"""How exports get their names: one of several, through links, and never over others."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import tempfile

import pytest
import tensorflow as tf

from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.export import destinations, keras_file, saved_model, staging
from lth_keras.export.tflite import exporting as tflite
from lth_keras.storage import directories, paths


def below(folder: pathlib.Path) -> list[str]:
    """Everything below a directory, unfinished things included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def model() -> keras.Model:
    return keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])


EXPORTS = {
    "m": saved_model.staged_saved_model,
    "m.keras": keras_file.staged_keras,
    "m.tflite": tflite.staged_tflite,
}


# The TFLite file goes the way of `.keras`, after a conversion that takes seconds.
EACH = ["m", "m.keras", pytest.param("m.tflite", marks=pytest.mark.slow)]


def written(name: str, path: pathlib.Path, **settings) -> None:
    stage = EXPORTS[name](model(), path / name, verify=False, **settings)
    staging.finish([stage], verified=False, verbose=False)


def fill(path: pathlib.Path, content: str) -> None:
    """What another export leaves: a file, or a directory of one."""
    if not path.suffix:
        path.mkdir()
        path /= "saved_model.pb"
    path.write_text(content)


# One of several.


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("name", EACH)
def test_an_export_that_comes_second_is_refused(
    tmp_path, monkeypatch, name, links
) -> None:
    def unsupported(*arguments) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", unsupported)
    with pytest.raises(LotteryError, match=f"{name} exists"):
        with EXPORTS[name](model(), tmp_path / name, verify=False):
            fill(tmp_path / name, "first")
    place = tmp_path / name
    place = place if place.is_file() else place / "saved_model.pb"
    assert place.read_text() == "first"
    assert [n for n in below(tmp_path) if "partial" in n] == []
    written(name, tmp_path, overwrite=True)
    assert place.read_bytes() != b"first"


def test_a_file_takes_its_place_where_links_are_not_supported(
    tmp_path, monkeypatch
) -> None:
    def unsupported(*arguments) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", unsupported)
    (tmp_path / "a").write_text("a")
    destinations.put_in_place(str(tmp_path / "a"), str(tmp_path / "b"), False)
    assert below(tmp_path) == ["b"]
    assert (tmp_path / "b").read_text() == "a"


def test_a_place_that_cannot_be_taken_is_free_again(tmp_path, monkeypatch) -> None:
    def broken(*arguments) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", broken)
    monkeypatch.setattr(os, "replace", broken)
    (tmp_path / "a").write_text("a")
    with pytest.raises(OSError, match="Input/output"):
        destinations.put_in_place(str(tmp_path / "a"), str(tmp_path / "b"), False)
    assert below(tmp_path) == ["a"]


# Never over others.


@pytest.mark.parametrize("name", ["notes.txt", "photos/a.png", "variables/mine"])
def test_overwriting_a_saved_model_removes_nothing_else(tmp_path, name) -> None:
    place = tmp_path / "m"
    written("m", tmp_path)
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text("mine")
    before = below(tmp_path)
    with pytest.raises(LotteryError, match="is no part of a SavedModel") as caught:
        written("m", tmp_path, overwrite=True)
    assert f"{place}/{name.replace('photos/a.png', 'photos')} " in str(caught.value)
    assert below(tmp_path) == before
    assert (place / name).read_text() == "mine"


@pytest.mark.slow
def test_what_keras_saves_is_a_saved_model_to_overwrite(tmp_path) -> None:
    model().save(tmp_path / "m", save_format="tf")
    (tmp_path / "m" / "assets.extra").mkdir()
    assert "m/keras_metadata.pb" in below(tmp_path)
    written("m", tmp_path, overwrite=True)
    assert "m/keras_metadata.pb" not in below(tmp_path)


# Links.


@pytest.mark.parametrize("name", EACH)
def test_an_export_to_a_link_goes_to_what_it_leads_to(tmp_path, name) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / name).symlink_to(f"other/{name}")
    for overwrite in (False, True):
        written(name, tmp_path, overwrite=overwrite)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "other" / name).exists()
        assert not (tmp_path / "other" / name).is_symlink()
    with pytest.raises(LotteryError, match=f"other/{name} exists"):
        written(name, tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "other"])


def test_a_link_to_itself_is_refused(tmp_path) -> None:
    (tmp_path / "m").symlink_to("m")
    with pytest.raises(LotteryError, match="m is a link that leads to itself"):
        destinations.local_path(tmp_path / "m")


# What errors leave and say.


@pytest.mark.parametrize("name", EACH)
def test_a_failed_export_leaves_no_new_parents(tmp_path, name) -> None:
    place = tmp_path / "kept"
    place.mkdir()
    with (
        pytest.raises(ZeroDivisionError),
        EXPORTS[name](model(), place / "a" / "b" / name, verify=False),
    ):
        raise ZeroDivisionError
    assert below(tmp_path) == ["kept"]


def test_parents_that_others_use_meanwhile_stay(tmp_path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        directories.made(str(tmp_path / "a" / "b")),
    ):
        (tmp_path / "a" / "mine").write_text("")
        raise ZeroDivisionError
    assert below(tmp_path) == ["a", "a/mine"]


def test_a_full_temporary_directory_is_told_as_that(tmp_path, monkeypatch) -> None:
    def full(_) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging, "verify", full)
    with pytest.raises(LotteryError) as caught:
        staging.finish([keras_file.staged_keras(model(), tmp_path / "m.keras")])
    assert str(caught.value) == (
        f"cannot verify with files in {tempfile.gettempdir()}: No space left on device"
    )
    assert below(tmp_path) == []


def test_what_tensorflow_says_of_a_full_disk_is_one_clean_line(tmp_path) -> None:
    near = str(tmp_path / "m")
    with (
        pytest.raises(LotteryError) as caught,
        destinations.temporary_directory(near) as place,
    ):
        raise tf.errors.ResourceExhaustedError(
            None,
            None,
            "{{function_node __wrapped__SaveV2_dtypes_3_device_/job:localhost/replica:0"
            "/task:0/device:CPU:0}} "
            f"{place}/variables/variables_temp/part-00000; No space left on device "
            "[Op:SaveV2]",
        )
    assert str(caught.value) == f"cannot write {near}: No space left on device"


def test_other_files_that_tensorflow_names_stay_named() -> None:
    with pytest.raises(LotteryError, match=r"^cannot clean a: a/b; Permission denied$"):
        with paths.errors_naming("a", "clean"):
            raise tf.errors.PermissionDeniedError(None, None, "a/b; Permission denied")


def test_an_error_before_the_names_are_given_changes_no_path(tmp_path) -> None:
    @contextlib.contextmanager
    def broken():
        raise LotteryError("is wrong")
        yield

    stages = [EXPORTS[n](model(), tmp_path / n, verify=False) for n in ("m", "m.keras")]
    with pytest.raises(LotteryError, match="is wrong"):
        staging.finish([*stages, broken()], verified=False)
    assert below(tmp_path) == []
