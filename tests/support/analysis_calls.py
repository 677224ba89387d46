"""The calls of `lth.analysis`, for `public_calls`."""

from __future__ import annotations

import lth_keras as lth
from tests.support.calls import Call, World


def calls(w: World) -> list[Call]:
    """Each analysis with arguments that it takes."""
    line = {"alphas": 2, "examples": 10}
    study = {"levels": [0, 1], "rewind_to": "0it", "of": "ticket", "children": 2}
    children = {"rewind_to": "0it", "children": 2, "of": "ticket"}
    return [
        Call(
            lth.analysis.instability,
            {"search": w.search, "level": 1, **children, **line},
        ),
        Call(lth.analysis.path, {"search": w.search, "a": 0, "b": 1, **line}),
        Call(lth.analysis.overlap, {"first": w.ticket, "second": w.ticket}),
        Call(lth.analysis.effective_density, {"search": w.search, "level": 1}),
        Call(lth.analysis.signs, {"search": w.search, "a": 1, "b": None}),
        Call(lth.analysis.distances, {"search": w.search, "run": 1}),
        Call(lth.analysis.stability, {"directory": w.search.directory.root}),
        Call(lth.analysis.Study, {**study, **line}),
    ]
