"""Registries that a test of pruning may write to."""

from __future__ import annotations

import pytest

from lth_keras.pruning import granularity
from lth_keras.pruning.criteria import registry


@pytest.fixture
def own_names(monkeypatch):
    """Registries in which a test enters what it likes, and takes any name."""
    monkeypatch.setattr(registry.REGISTRY, "entries", dict(registry.REGISTRY.entries))
    # The names of those that come with the package are free for ones of our own.
    alone = {"weight": granularity.REGISTRY.entries["weight"]}
    monkeypatch.setattr(granularity.REGISTRY, "entries", alone)
