"""The grid's rows: public names, criteria, granularities, controls, engines, methods.

A registered name without a row fails, and a row without a name too. What a row holds is
what no check can find by itself: how the thing is asked for, and what it must give.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# One round at 0.5 on four weights: initial, trained, gradients, and what each keeps.
INITIAL = [1.0, -4.0, 2.0, 0.5]
TRAINED = [-2.0, 1.0, 3.0, -0.5]
GRADIENTS = [1.0, -4.0, 0.1, 2.0]
# The Hessian times these, and the flow with all weights positive.
PRODUCTS = [-4.0, 24.0, 0.2, 2.0]
FLOW = [1.0, 4.0, 2.0, 3.0]
CRITERIA: dict[str, list[int]] = {
    "grasp": [0, 1],  # 8, 24, .6, -1
    "large_final": [0, 2],  # |w_f| = 2, 1, 3, 0.5
    # Of the third alone the sign is kept; of those that go the first stays.
    "large_final_same_sign": [0, 2],
    "large_init": [1, 2],  # |w_i| = 1, 4, 2, 0.5
    "large_init_same_sign": [0, 2],
    "large_init_large_final": [1, 2],  # .25, .33, .5, .125
    "large_init_large_final_same_sign": [0, 2],
    "magnitude": [0, 2],
    "magnitude_increase": [0, 2],  # 1, -3, 1, 0
    "magnitude_increase_same_sign": [0, 2],
    "movement": [0, 1],  # 3, 5, 1, 1
    "movement_same_sign": [0, 2],
    "movement_pruning": [0, 2],  # 3, -15, 5, 0
    "movement_pruning_same_sign": [0, 2],
    "random": [0, 1],  # .64, .27, .04, .02 from seed 0
    "snip": [0, 1],  # 2, 4, .3, 1
    "small_final": [1, 3],
    "small_final_same_sign": [0, 2],
    "small_init": [0, 3],
    "small_init_same_sign": [0, 2],
    "synflow": [1, 2],  # 2, 4, 6, 1.5
    "small_init_small_final": [0, 3],  # -.67, -1, -1, -.17
    "small_init_small_final_same_sign": [0, 2],
}

# How a granularity is asked for.
GRANULARITIES: dict[str, str] = {
    "block": "block:2x2",
    "filter": "filter",
    "n_of_m": "3-2:4",
    "row": "row",
    "weight": "weight",
}


class Control(NamedTuple):
    """A control's row.

    Attributes:
        text: how it is asked for; {ticket} stands for the directory of another one.
        same_mask: whether it keeps the ticket's own mask.
        same_start: whether it starts from the ticket's own weights where both keep.
    """

    text: str
    same_mask: bool
    same_start: bool


CONTROLS: dict[str, Control] = {
    "constant": Control("constant", True, False),
    "continued": Control("continued", False, True),
    "fine_tune": Control("fine_tune", True, False),
    "freeze": Control("freeze:where=moved_away", True, True),
    "lr_rewind": Control("lr_rewind", True, False),
    "noise": Control("noise:sigma=0.5", True, False),
    "one_draw": Control("one_draw:draw=1", True, True),
    "one_shot": Control("one_shot", False, True),
    "prune_at_init": Control("prune_at_init", False, True),
    "random_mask": Control("random_mask", False, True),
    "random_reinit": Control("random_reinit", True, False),
    "reshuffle": Control("reshuffle:signs=random", True, False),
    "transfer": Control("transfer:ticket={ticket}:keep=mask", False, True),
    "weight_rewind": Control("weight_rewind:step=3it", True, False),
}

# What `Experiment.run` is given beside an engine, where it has processes of its own.
ENGINES: dict[str, dict[str, Any]] = {"local": {"workers": 2}, "ray": {"workers": 2}}


class Method(NamedTuple):
    """A method's row.

    Attributes:
        text: how it is asked for.
        phases: the names of its phases.
        density: of the ticket that it ends with, on two layers of even sizes.
    """

    text: str
    phases: tuple[str, ...]
    density: float


METHODS: dict[str, Method] = {
    "dsd": Method("dsd:rates=0.5", ("dense", "sparse", "dense"), 1.0),
    "edge_popup": Method("edge_popup:keep=0.25", ("mask",), 0.25),
    "gradual": Method("gradual:density=0.25:every=2:end=4", ("sparse",), 0.25),
    "iht": Method(
        "iht:rates=0.75:rounds=1", ("dense", "sparse", "dense", "sparse"), 0.25
    ),
    "rigl": Method("rigl:density=0.25:every=2:end=4", ("sparse",), 0.25),
    "set": Method("set:density=0.25:every=2", ("sparse",), 0.25),
    "supermask": Method("supermask:rescale=false", ("mask",), 0.5),
}

# Every analysis, by what it reads.
ANALYSES: dict[str, str] = {
    "Study": "an experiment",
    "distances": "a run",
    "effective_density": "a ticket",
    "instability": "runs of its own",
    "overlap": "two tickets",
    "path": "two runs",
    "signs": "two runs",
    "stability": "stored lines",
}

# Every name of the facade, by what it is.
PUBLIC: dict[str, str] = {
    "CaptureInitialWeights": "callback",
    "DivergedError": "error",
    "Experiment": "search",
    "IterativePruning": "registered class",
    "LotteryError": "error",
    "LotterySearch": "search",
    "MaskConverged": "record",
    "PruneAndRewind": "callback",
    "PruneByLevel": "registered class",
    "SearchHistory": "record",
    "Start": "record",
    "Ticket": "record",
    "__version__": "text",
    "analysis": "namespace",
    "budgets": "recipes",
    "capture": "act",
    "compact": "model to model",
    "compaction": "model to model",
    "compile_like": "model to model",
    "controls": "registry",
    "coverage": "act",
    "criteria": "registry",
    "engines": "registry",
    "export_keras": "export",
    "export_saved_model": "export",
    "export_tflite": "export",
    "from_keras3": "model to model",
    "grow": "act",
    "hold": "act",
    "hub": "namespace",
    "keras3": "namespace",
    "methods": "registry",
    "plot_curves": "figure",
    "plot_density": "figure",
    "project": "act",
    "prune": "act",
    "recipes": "recipes",
    "release": "act",
    "rewind": "act",
    "sensitivity": "analysis",
    "unwrap": "model to model",
    "verify": "act",
    "wrap": "model to model",
    "write_to": "model to model",
}
