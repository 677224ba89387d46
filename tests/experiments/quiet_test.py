"""What TensorFlow's libraries write while they load is kept back, or shown."""

from __future__ import annotations

import os

import pytest

from lth_keras.experiments import quiet


@pytest.fixture
def log_level(monkeypatch):
    from absl import logging

    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    before = logging.get_verbosity()
    yield
    logging.set_verbosity(before)


def test_what_native_libraries_write_while_they_load_is_kept_back(capfd, log_level):
    with quiet.quiet_import():
        os.write(2, b"noise\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_what_they_write_is_shown_if_they_cannot_load(capfd, log_level):
    with pytest.raises(ImportError), quiet.quiet_import():
        os.write(2, b"reason\n")
        raise ImportError
    assert capfd.readouterr().err == "reason\n"
