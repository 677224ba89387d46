"""500 damaged and forged tickets: each is refused in one line, or is a whole ticket."""

from __future__ import annotations

import pathlib
import shutil

import ml_dtypes
import numpy as np
import pytest

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.tickets import files
from lth_keras.tickets.content import TicketContent
from tests.support import run_directories
from tests.support.campaigns import Campaign
from tests.support.limits import in_time, outside_of, state, tried
from tests.support.mutations import mutate


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[pathlib.Path]:
    """Tickets with and without an optimizer, and of bfloat16."""
    root = tmp_path_factory.mktemp("tickets")
    one = run_directories.ticket(2)
    bare = TicketContent(one.weights, level=2)
    brain = run_directories.with_values(bare, lambda a: a.astype(ml_dtypes.bfloat16))
    for name, each in (("one", one), ("bare", bare), ("brain", brain)):
        files.save(each, root / name)
    return sorted(root.iterdir())


@pytest.fixture(scope="module")
def model() -> keras.Model:
    inner = [keras.layers.Dense(4, input_shape=(3,))]
    return lth.wrap(keras.Sequential(inner), 0.5)


def use(ticket: lth.Ticket, model: keras.Model, place: pathlib.Path) -> None:
    """What is read must be finite, fit where its shapes fit, and be written again."""
    for weight in ticket.weights:
        assert np.isfinite(weight.value.astype(np.float64)).all()
        if weight.mask is not None:
            assert not weight.value[~weight.mask].any()
    ticket.overlap(ticket)
    tried(lambda: ticket.apply(model))
    tried(lambda: ticket.apply(model, strict=False))
    ticket.save(place / "again")
    again = lth.Ticket.load(place / "again")
    assert again.fingerprint == ticket.fingerprint
    assert again.density == ticket.density


def test_no_ticket_gives_a_traceback_hangs_or_touches_anything_else(
    campaign: Campaign, sources, model, tmp_path
) -> None:
    refused = 0
    cases = campaign.count(full=500, sample=30)
    for case in range(cases):
        place = tmp_path / str(case)
        place.mkdir()
        outside = outside_of(place)
        before = state(outside)
        generator = campaign.generator(case)
        box = place / "box"
        ticket = box / "ticket"
        shutil.copytree(sources[case % len(sources)], ticket)
        done = [mutate(box, generator, outside)]
        if generator.random() < 0.3:
            done.append(mutate(box, generator, outside))
        try:
            found = tried(lambda t=ticket: lth.Ticket.load(t))
            if isinstance(found, LotteryError):
                refused += 1
            else:
                with in_time():
                    use(found, model, place)
            assert state(outside) == before, "something outside was touched"
        except BaseException:
            print(f"seed {campaign.seed}, case {case}: {'; '.join(done)}")
            raise
        shutil.rmtree(place)
    # A campaign whose cases are all harmless shows nothing.
    assert cases / 2 < refused < cases
