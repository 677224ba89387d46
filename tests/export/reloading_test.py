"""Exports are loaded in a process of their own, without anything of ours."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

from lth_keras.errors import LotteryError
from lth_keras.export import reloading, surroundings, verification


@pytest.mark.slow
def test_neither_this_package_nor_tfmot_nor_keras_can_be_imported(
    tmp_path: pathlib.Path,
) -> None:
    # A program in the place of the one that reloads.
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import importlib, os\n"
        "def main(folder):\n"
        "    assert 'TF_USE_LEGACY_KERAS' not in os.environ\n"
        "    import tensorflow\n"
        "    for name in ('lth_keras', 'tensorflow_model_optimization', 'tf_keras',"
        " 'keras'):\n"
        "        try:\n"
        "            importlib.import_module(name)\n"
        "        except ImportError:\n"
        "            continue\n"
        "        raise SystemExit(name + ' was there')\n"
    )
    program = reloading._BOOTSTRAP.format(
        places=surroundings.module_places(sys.path),
        blocked=verification._BLOCKED,
        program=str(probe),
        folder=str(tmp_path),
    )
    reloading._run(program, str(tmp_path), 300)


def test_a_process_that_fails_is_reported_with_its_last_line(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(LotteryError, match="failed: ValueError: broken"):
        reloading._run("raise ValueError('broken')", str(tmp_path), 60)


def test_a_process_that_hangs_is_ended(tmp_path: pathlib.Path) -> None:
    with pytest.raises(LotteryError, match="took over 0 s"):
        reloading._run("import threading; threading.Event().wait()", str(tmp_path), 0.2)


def test_texts_are_stored_without_pickle(tmp_path: pathlib.Path) -> None:
    place = str(tmp_path / "a.npz")
    texts = np.array([b"a b", "c"], object)
    reloading._store(place, {"x/y": texts, "z": np.array([True])})
    with np.load(place, allow_pickle=False) as stored:
        assert stored["names"].tolist() == ["x/y", "z"]
        assert stored["value0"].tolist() == ["a b", "c"]
        assert stored["value1"].tolist() == [True]
