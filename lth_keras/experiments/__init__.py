"""Trials x levels x controls of any search, on any engine.

Knows no flags: a function that makes a search is all that it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lth_keras.experiments import engines

if TYPE_CHECKING:
    from lth_keras.experiments.experiment import Experiment

__all__ = ["Experiment", "engines"]


def __getattr__(name: str) -> Any:
    # A worker's process imports this room before it has silenced TensorFlow.
    if name != "Experiment":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lth_keras.experiments.experiment import Experiment

    return Experiment


def __dir__() -> list[str]:
    return list(__all__)
