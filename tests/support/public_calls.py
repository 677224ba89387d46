"""Every public call with arguments that it takes: what campaigns change one of.

for name, calls in public_calls.CALLS.items():
    for call in calls(world): call.function(**call.arguments)
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import lth_keras as lth
from lth_keras.compat import keras
from lth_keras.controls.registry import Change
from tests.support import (
    analysis_calls,
    engine_calls,
    hold_calls,
    keras3_calls,
    native_calls,
    recipe_calls,
    show_calls,
)
from tests.support import small_search as small
from tests.support.calls import Call, World

FIT: dict[str, Any] = {"batch_size": 15, "verbose": 0}


def world(folder: pathlib.Path, stored: pathlib.Path) -> World:
    """Trains what the calls need.

    Args:
        folder: for what the calls write.
        stored: for the finished search and experiment.
    """

    def make_search(trial: int, directory: str) -> Any:
        model = small.compiled(rate=0.5)
        one = lth.LotterySearch(model, 1, directory, trial=trial, seed=3)
        return one, {"x": small.X, "y": small.Y, **FIT}

    experiment = lth.Experiment(make_search, 1, directory=str(stored / "experiment"))
    experiment.run()
    search, arguments = make_search(0, str(stored / "experiment" / "trial0"))
    search.fit(**arguments)  # It is trained already.
    ticket = search.ticket(1)
    ticket.save(stored / "ticket")
    return World(
        folder=folder,
        plain=small.dense_model(),
        search=search,
        start=lth.capture(search.model),
        ticket=ticket,
        saved=str(stored / "ticket"),
        experiment=experiment,
        make_search=make_search,
    )


def _acts(function: Callable[..., Any], **more: Any) -> Callable[[World], list[Call]]:
    def calls(w: World) -> list[Call]:
        given = {k: v(w) if callable(v) else v for k, v in more.items()}
        return [Call(function, {"model": w.search.model, "optimizer": None, **given})]

    return calls


def _exports(
    function: Callable[..., Any], name: str, **more: Any
) -> Callable[[World], list[Call]]:
    common = {"batch": None, "overwrite": False, "verify": False, "verbose": False}

    def calls(w: World) -> list[Call]:
        given = {"model": w.plain, "path": str(w.folder / name), "holds": "present"}
        return [Call(function, {**given, **common, **more})]

    return calls


def _search(w: World) -> list[Call]:
    new = {
        "model": w.search.model,
        "levels": 1,
        "directory": str(w.folder / "run"),
        "target_density": None,
        "rewind_to": "0it",
        "optimizer_state": "captured",
        "seed": 0,
        "monitor": "val_loss",
        "trial": 0,
        "rewind": "weights",
        "recipe": None,
        "stop": None,
        "log_dir": None,
        "keep_trained": "all",
        "on_result": None,
    }
    level = {"level": 1}
    fit = {
        "x": small.X,
        "y": small.Y,
        **FIT,
        "epochs": 1,
        "callbacks": None,
        "validation_split": 0.0,
        "validation_data": None,
        "shuffle": True,
        "class_weight": None,
        "sample_weight": None,
        "initial_epoch": 0,
        "steps_per_epoch": None,
        "test_data": None,
        "train_data": None,
        "evaluate_every": None,
    }
    own = frozenset({"x", "callbacks", "epochs", "steps_per_epoch"})
    return [
        Call(lth.LotterySearch, new, frozenset({"on_result"})),
        Call(lth.LotterySearch.load, {"directory": w.search.directory.root}),
        Call(w.search.fit, fit, own),
        Call(w.search.ticket, level),
        Call(w.search.trained_weights, level),
        Call(w.search.restore, level),
        *show_calls.search(w),
    ]


def _experiment(w: World) -> list[Call]:
    new = {
        "make_search": w.make_search,
        "trials": 1,
        "controls": (),
        "directory": str(w.folder / "experiment"),
        "replicates": 1,
        "levels": None,
        "stability": None,
    }
    run = {"workers": 0, "engine": "local", "only_trial": None}
    return [
        Call(lth.Experiment, new, frozenset({"make_search"})),
        Call(w.experiment.run, run),
    ]


def _ticket(w: World) -> list[Call]:
    ticket = w.ticket
    fields = {f.name: getattr(ticket, f.name) for f in dataclasses.fields(ticket)}
    of = {"model": w.search.model, "start": None, "level": 1, "step": 0, "seed": 0}
    to = {"model": w.search.model}
    return [
        Call(lth.Ticket, fields),
        Call(lth.Ticket.of, {**of, "settings": {}, "parent": None}),
        Call(lth.Ticket.load, {"path": w.saved}),
        Call(ticket.save, {"path": str(w.folder / "ticket"), "overwrite": False}),
        Call(ticket.apply, {**to, "strict": True}),
        Call(ticket.ordered, to),
        Call(ticket.overlap, {"other": ticket}),
        Call(
            ticket.transfer,
            {"model": lth.wrap(w.plain), "keep": "ticket", "head": "new"},
        ),
    ]


def _registered(register: Callable[..., Any], function: Any, **more: Any) -> Any:
    def call(function: Any, **given: Any) -> None:
        register(**given)(function)

    arguments = {"function": function, "name": "campaign", "replace": True, **more}
    return Call(call, arguments)


def _controls(w: World) -> list[Call]:
    def control(search: Any, case: Any, seed: int) -> Any:
        return case

    run = {"search": w.search, "control": "random_mask", "levels": [], "replicates": 1}
    about = {"check": None, "change": Change.MASK, "shares": False, "own_mask": False}
    about["places"] = ("ticket",)
    return [
        Call(lth.controls.run, run),
        Call(lth.controls.parse, {"text": "noise:sigma=0.5"}),
        _registered(lth.controls.register, control, **about),
    ]


def _criteria(w: World) -> list[Call]:
    def criterion(initial: Any, trained: Any, rng: Any) -> Any:
        return trained

    needs = {"needs": ("initial",), "needs_initial": None}
    return [
        _registered(lth.criteria.register, criterion, **needs),
        Call(lth.criteria.get, {"name": "magnitude"}),
        Call(lth.criteria.needs, {"name": "magnitude"}),
    ]


def _methods(w: World) -> list[Call]:
    class Own(lth.methods.EdgePopup):
        pass

    learned = {"seed": 0, "exclude": (), "train_normalization": False}
    popup = {"model": w.plain, "keep": 0.5, "weights": "kaiming", **learned}
    mask = {"model": w.plain, "weights": "init", "rescale": True, **learned}
    moving = {"density": 0.5, "drop": 0.3, "every": 10, "seed": 0}
    return [
        _registered(lth.methods.register, Own),
        Call(lth.methods.get, {"name": "dsd"}),
        Call(lth.methods.parse, {"asked": "edge_popup:keep=0.3"}),
        Call(lth.methods.EdgePopup, popup),
        Call(lth.methods.Supermask, {**mask, "evaluate": "threshold"}),
        Call(
            lth.methods.DenseSparseDense,
            {"model": w.plain, "rates": 0.3, "dense_rate": 0.1},
            frozenset({"rates"}),
        ),
        Call(
            lth.methods.HardThresholding,
            {"model": w.plain, "rates": 0.3, "rounds": 1},
            frozenset({"rates"}),
        ),
        Call(
            lth.methods.Gradual,
            {"model": w.plain, "density": 0.5, "start": 0, "end": 4, "every": 2}
            | {"scope": "layer"},
        ),
        Call(lth.methods.SparseEvolution, {"model": w.plain, **moving}),
        Call(lth.methods.RigL, {"model": w.plain, "end": 0, **moving}),
    ]


def _wrap(w: World) -> list[Call]:
    given = {
        "model": w.plain,
        "rate": 0.2,
        "scope": "layer",
        "criterion": "magnitude",
        "output_rate": 0.1,
        "exclude": (),
        "embeddings": False,
        "granularity": "weight",
        "where": "each",
    }
    return [Call(lth.wrap, given, frozenset({"rate"}))]


def _layer(w: World) -> list[Call]:
    given = {
        "layer": keras.layers.Dense(2),
        "pruning_schedule": lth.IterativePruning(0.2),
        "scope": "layer",
        "criterion": "magnitude",
        "embeddings": False,
        "granularity": "weight",
    }
    return [Call(lth.PruneByLevel, given)]


def _one(function: Callable[..., Any], **given: Any) -> Callable[[World], list[Call]]:
    return lambda w: [Call(function, given)]


# Every name of the facade.
CALLS: dict[str, Callable[[World], list[Call]]] = {
    "CaptureInitialWeights": _one(lth.CaptureInitialWeights, rewind_to="0it"),
    "DivergedError": lambda w: [],
    "Experiment": _experiment,
    "IterativePruning": _one(
        lth.IterativePruning, rate=0.2, steps_per_level=3, levels=2
    ),
    "LotteryError": lambda w: [],
    "LotterySearch": _search,
    "MaskConverged": _one(lth.MaskConverged, threshold=0.1, window=5, of="survivors"),
    "PruneAndRewind": _one(lth.PruneAndRewind, seed=0),
    "PruneByLevel": _layer,
    "SearchHistory": _one(lth.SearchHistory, results=[], curves=[], epochs=[]),
    "Start": lambda w: [
        Call(lth.Start, {"weights": w.start.weights, "optimizer": None, "step": 0})
    ],
    "Ticket": _ticket,
    "__version__": lambda w: [],
    "analysis": analysis_calls.calls,
    "budgets": lambda w: [Call(*call) for call in recipe_calls.BUDGETS],
    "capture": _acts(lth.capture, step=0),
    "compact": lambda w: [Call(lth.compact, {"model": w.plain, "gather": "crop"})],
    "compaction": lambda w: [
        Call(lth.compaction, {"model": w.plain, "gather": "crop"})
    ],
    "controls": _controls,
    "coverage": lambda w: [
        Call(
            lth.coverage,
            {"model": w.plain, "print_fn": None},
            frozenset({"print_fn"}),
        )
    ],
    "criteria": _criteria,
    "engines": engine_calls.calls,
    "export_keras": _exports(lth.export_keras, "export.keras"),
    "export_saved_model": _exports(
        lth.export_saved_model,
        "export",
        packed=True,
        values_dtype="float32",
        signatures=None,
    ),
    "export_tflite": _exports(
        lth.export_tflite,
        "export.tflite",
        sparse=True,
        quantize=None,
        representative=None,
    ),
    "grow": _acts(lth.grow, masks=None),
    "hub": show_calls.hub,
    "hold": lambda w: [Call(*hold_calls.hold(w.plain))],
    "keras3": lambda w: [Call(*call) for call in native_calls.CALLBACKS],
    "methods": _methods,
    "plot_curves": show_calls.plot_curves,
    "plot_density": show_calls.plot_density,
    "project": _acts(lth.project),
    "prune": _acts(lth.prune, start=lambda w: w.start, seed=0, data=None, level=1),
    "recipes": lambda w: [Call(*call) for call in recipe_calls.RECIPES],
    "release": lambda w: [Call(*hold_calls.release(w.plain))],
    "rewind": _acts(lth.rewind, start=lambda w: w.start),
    "sensitivity": lambda w: [
        Call(
            lth.sensitivity,
            {"model": w.search.model, "data": (small.X, small.Y), "shares": [0.5]},
        )
    ],
    "unwrap": lambda w: [Call(lth.unwrap, {"model": w.search.model})],
    "verify": _acts(lth.verify),
    "wrap": _wrap,
    **{n: lambda w, c=c: [Call(*c())] for n, c in keras3_calls.CALLS.items()},
}
