"""A call with its arguments, and what they are taken from, for campaigns."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import lth_keras as lth
from lth_keras.compat import keras


class Call(NamedTuple):
    """A function and arguments that it takes.

    Attributes:
        function: the call.
        arguments: by name; the first ones may be given by position too.
        own_code: names of those whose value is a function of the user's, which may
            raise what it likes.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    own_code: frozenset[str] = frozenset()


@dataclasses.dataclass
class World:
    """What valid arguments are taken from; each part is made once.

    Attributes:
        folder: an empty directory, the present one, for what is written.
        plain: a small model that is not wrapped.
        search: one that has finished, of one level.
        start: of its model.
        ticket: of its level 1.
        saved: where that ticket lies.
        experiment: one that has finished, and its `make_search`.
    """

    folder: pathlib.Path
    plain: keras.Model
    search: lth.LotterySearch
    start: lth.Start
    ticket: lth.Ticket
    saved: str
    experiment: lth.Experiment
    make_search: Callable[[int, str], Any]
