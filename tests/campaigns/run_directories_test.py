"""3,000 damaged and forged run directories: each is read, gone on with, or refused."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lth_keras as lth
from lth_keras.errors import LotteryError
from lth_keras.experiments import holding, job, tasks
from lth_keras.programs import stored_options
from lth_keras.programs.options import read as options_of
from lth_keras.reporting import curves, density, iterations, page
from lth_keras.reporting import weights as weight_figure
from lth_keras.runs import finished, layout, tables
from lth_keras.storage import files
from tests.support import run_directories
from tests.support import small_search as small
from tests.support.campaigns import Campaign
from tests.support.limits import outside_of, state, tried
from tests.support.mutations import mutate


def each_case(
    campaign: Campaign,
    source: pathlib.Path,
    folder: pathlib.Path,
    cases: int,
    use: Callable[[pathlib.Path, int], list[Any]],
) -> None:
    """Damages copies of a directory and uses them; nothing outside may be touched."""
    damaged = 0
    for case in range(cases):
        place = folder / str(case)
        place.mkdir()
        outside = outside_of(place)
        before = state(outside)
        generator = campaign.generator(case)
        run = place / "run"
        shutil.copytree(source, run)
        done = [mutate(run, generator, outside)]
        if generator.random() < 0.3:
            done.append(mutate(run, generator, outside))
        try:
            damaged += any(isinstance(a, LotteryError) for a in use(run, case))
            assert state(outside) == before, "something outside was touched"
        except BaseException:
            print(f"seed {campaign.seed}, case {case}: {'; '.join(done)}")
            raise
        shutil.rmtree(place)
    # A campaign whose cases are all harmless shows nothing.
    assert cases / 10 < damaged <= cases


@pytest.fixture(scope="module")
def made_by_hand(tmp_path_factory) -> pathlib.Path:
    """The directory of a job: flags, a trial, and its files."""
    root = tmp_path_factory.mktemp("job") / "run"
    run_directories.search(root / "trial0")
    argv = ["x", "--dataset=digits", "--model=lenet", "--levels=2", "--rate=0.25"]
    flags = stored_options.as_plain(options_of(argv, "x"))
    files.write_json(root / "settings.json", {"flags": flags})
    return root


def shown(run: finished.RunFiles, drawn: bool) -> None:
    """Everything that is shown of a run."""
    tried(lambda: tables.table(run.rows))
    tried(lambda: page.page({"a": run}))
    tried(lambda: run.select(["noise"], [1]))
    if not drawn:
        tried(lambda: run.curves)
        tried(lambda: run.weights())
        return
    tried(lambda: density.draw({"a": run.rows}))
    tried(lambda: curves.draw(run.curves))
    tried(lambda: iterations.draw({"a": run.curves}))
    tried(lambda: weight_figure.draw(run.weights()))


def carry_out(root: pathlib.Path) -> None:
    def make_trials() -> Any:
        raise LotteryError("it would have been trained")

    directory = layout.ExperimentDirectory(str(root))
    every = tasks.of_job([0], [1], ["noise:sigma=0.5"], 1)
    with holding.whole(directory) as hold:
        job.carry_out(every, directory, run_directories.LEVELS, make_trials, str, hold)


def read(root: pathlib.Path, case: int) -> list[Any]:
    """Everything that is read of a job, and of its trial alone."""
    directory = layout.ExperimentDirectory(str(root))
    found = tried(lambda: finished.read(root))
    if not isinstance(found, LotteryError):
        shown(found, drawn=case % 100 == 0)
    done = [found, tried(lambda: stored_options.options_of(directory))]
    search = tried(lambda: lth.LotterySearch.load(root / "trial0"))
    done.append(search)
    if not isinstance(search, LotteryError):
        done += [
            tried(lambda: search.results),
            tried(lambda: search.history),
            tried(lambda: search.theta),
            *(tried(lambda n=n: search.ticket(n)) for n in (0, 1, 2)),
            *(tried(lambda n=n: search.trained_weights(n)) for n in (0, 1, 2)),
        ]
    return [*done, tried(lambda: carry_out(root))]


def test_no_run_directory_gives_a_traceback_hangs_or_touches_anything_else(
    campaign: Campaign, made_by_hand, tmp_path
) -> None:
    cases = campaign.count(full=2_700, sample=20)
    each_case(campaign, made_by_hand, tmp_path, cases, read)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> pathlib.Path:
    """A finished search with a control."""
    root = tmp_path_factory.mktemp("trained") / "run"
    search = small.search(small.compiled(), root, rewind_to="2it")
    small.fit(search, 1)
    lth.controls.run(search, "random_mask", [1])
    return root


def fingerprints(root: pathlib.Path) -> list[str]:
    """Of the ticket of every level, and of the control's."""
    run = layout.RunDirectory(str(root))
    places = [run.level(level) for level in (0, 1, 2)]
    places.append(run.control("random_mask", 1))
    return [lth.Ticket.load(place.ticket).fingerprint for place in places]


@pytest.mark.slow
def test_a_search_goes_on_from_what_is_whole_and_ends_as_it_did(
    campaign: Campaign, trained, tmp_path
) -> None:
    whole = fingerprints(trained)
    model = small.compiled()
    start = [weight.copy() for weight in small.values(model)]

    def go_on(root: pathlib.Path, case: int) -> list[Any]:
        # The model of the first start: the damage may have taken level 0.
        for weight, value in zip(small.weights.weights_of(model), start, strict=True):
            weight.write(value)
            if weight.mask is not None:
                weight.mask.assign(np.ones(weight.shape))
        search = small.search(model, root, rewind_to="2it")
        done = [tried(lambda: small.fit(search, 1))]
        if not isinstance(done[0], LotteryError):
            done.append(
                tried(lambda: lth.controls.run(search, "random_mask", levels=[1]))
            )
            if not any(isinstance(each, LotteryError) for each in done):
                # Fields that nobody needs may differ, what was trained may not.
                assert fingerprints(root) == whole
        return done

    cases = campaign.count(full=300, sample=3)
    each_case(campaign, trained, tmp_path, cases, go_on)
