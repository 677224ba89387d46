"""What every campaign gets: its seed and how many cases it tries."""

from __future__ import annotations

import secrets

import pytest

from tests.support.campaigns import Campaign


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Campaign:
    """A small sample of seed 0, or with --campaign all cases of a new or named seed."""
    full = request.config.getoption("--campaign")
    seed = request.config.getoption("--campaign_seed")
    if seed is None:
        seed = secrets.randbelow(2**32) if full else 0
    print(f"campaign seed: {seed} (repeat with --campaign --campaign_seed={seed})")
    return Campaign(seed=seed, full=full)
