"""The calls that show results, for `public_calls`."""

from __future__ import annotations

import pathlib

from matplotlib.figure import Figure

import lth_keras as lth
from lth_keras.storage import files
from tests.support import result_files
from tests.support.calls import Call, World


def plot_density(w: World) -> list[Call]:
    """`lth.plot_density`, on axes that are no window."""
    given = {"results": w.search, "metric": "test_accuracy", "monitor_metric": None}
    return [Call(lth.plot_density, {**given, "ax": Figure().subplots()})]


def plot_curves(w: World) -> list[Call]:
    """`lth.plot_curves`."""
    given = {"results": w.search, "densities": [100.0], "control": None}
    more = {"ax": Figure().subplots(), "monitor_metric": None}
    return [Call(lth.plot_curves, {**given, **more})]


def search(w: World) -> list[Call]:
    """What a search shows of itself."""
    plot = {"metric": "test_accuracy", "monitor_metric": None}
    # The world's own has no test data.
    folder = pathlib.Path(w.saved).parent / "measured"
    if not folder.exists():
        settings = {"levels": 1, "seed": 0, "trial": 0}
        files.write_json(folder / "search.json", {"settings": settings})
        for row in result_files.search(2):
            result_files.store(folder, row)
    measured = lth.LotterySearch.load(folder)
    return [
        Call(measured.best, {"tolerance": 0.1, "monitor_metric": None}),
        Call(w.search.plot, {**plot, "ax": Figure().subplots()}),
    ]


def hub(w: World) -> list[Call]:
    """Nothing: where the extra is there, they would ask a hub for anything odd.

    What they refuse before that is in tests/hub.
    """
    return []
