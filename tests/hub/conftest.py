"""The hub that tickets are pushed to."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.support import stand_in_hub


@pytest.fixture
def hub(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[stand_in_hub.StandIn]:
    """A stand-in on this machine; skipped without the package's "hub" extra."""
    pytest.importorskip("huggingface_hub", reason="needs the package's 'hub' extra")
    pytest.importorskip("safetensors", reason="needs the package's 'hub' extra")
    # Nothing of the user's is read or written.
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with stand_in_hub.serving() as server:
        yield server
