"""What stands between an engine and the function that makes a search.

    trials = Trials(make_search)
    trials.carry_out(Task(trial=0), "runs/x/trial0", on_result=print)

Every process of an engine has one of these.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lth_keras import compat
from lth_keras.analysis import connectivity
from lth_keras.controls import running, syntax
from lth_keras.errors import DivergedError, LotteryError
from lth_keras.experiments import sending
from lth_keras.experiments.tasks import Task
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths
from lth_keras.training import callables

# f(trial, directory) -> the search of a trial, and the arguments of its `fit`.
MakeSearch = Callable[[int, str], tuple[LotterySearch, Mapping[str, Any]]]
OnResult = Callable[[dict[str, Any]], None]


class Trials:
    """Carries out tasks in this process, with searches that a function makes.

    Args:
        make_search: f(trial, directory) -> (search, arguments of its `fit`).
        levels: the last level that every search must have; None for any.
    """

    def __init__(self, make_search: MakeSearch, levels: int | None = None):
        self.make_search, self.levels = make_search, levels
        # The last search, for its compiled model.
        self._current: LotterySearch | None = None
        self._arguments: dict[str, Any] = {}
        self._on_result: OnResult = lambda row: None

    @functools.cached_property
    def packed(self) -> bytes:
        """`make_search` as it is sent to other processes; `sending.unpack` reads it.

        Raises:
            LotteryError: it holds something that belongs to this process.
        """
        return sending.pack(self.make_search)

    def carry_out(
        self,
        task: Task,
        directory: str,
        on_result: OnResult,
        callbacks: Callable[[Any], list[Any]] | None = None,
    ) -> str | None:
        """Trains what a task asks for and is not stored yet.

        Args:
            task: a whole search, a run of a control, or a line between two.
            directory: where the search of the task's trial is stored.
            on_result: called with each new result line, and with what there is to
                tell of a line, which has "line" in it.
            callbacks: f(model) -> Keras callbacks that see every run, besides the
                user's.

        Returns:
            None, or how a control diverged, which leaves everything else as it is.

        Raises:
            LotteryError: a search diverged, `make_search` made none, or something
                cannot be written.
        """
        search, given = self.search(task.trial, directory)
        self._on_result = on_result
        ours = [] if callbacks is None else callbacks(search.model)
        arguments = {**given, "callbacks": _joined(given.get("callbacks"), ours)}
        if not task.control:
            search.fit(**arguments)
            return None
        if search.plan is None:
            search.prepare(**arguments)
        if task.children is not None:
            return self._line(search, task, on_result)
        try:
            running.carry_out(search, task.control, [task.level], [task.replicate])
        except DivergedError as error:
            return str(error)
        return None

    def _line(
        self, search: LotterySearch, task: Task, on_result: OnResult
    ) -> str | None:
        """Measures the line between two runs; says so if one of them diverged."""
        assert task.children is not None and task.second is not None
        key = syntax.parse(task.control).key
        for number in task.ends:
            place = search.directory.control(key, task.level, number)
            if not paths.exists(place.result):
                return (
                    f"trial {task.trial}, level {task.level} ({task.control}): there "
                    f"is no line to replicate {number}, which has not been trained."
                )
        told = connectivity.carry_out(
            search,
            task.control,
            task.level,
            (task.replicate, task.second),
            task.children.measured,
            task.children.about,
        )
        if told is not None:
            on_result(told)
        return None

    def search(
        self, trial: int, directory: str
    ) -> tuple[LotterySearch, dict[str, Any]]:
        """The search of a trial and its arguments; the last one is kept.

        Raises:
            LotteryError: `make_search` returned something else, or another search.
        """
        if self._current is None or self._current.trial != trial:
            # Two models at a time may be too large.
            self._current = None
            # Layers without a seed of their own begin alike in every process.
            with compat.seeded(trial):
                made = self.make_search(trial, directory)
            search, arguments = _checked(made, trial, directory, self.levels)
            self.levels = search.levels
            own = search.on_result

            def told(row: dict[str, Any]) -> None:
                if own is not None:
                    own(row)
                self._on_result(row)

            search.on_result = told
            # Lines of Keras's would cut those of the progress in two.
            self._arguments = {"verbose": 0, **arguments}
            self._current = search
        return self._current, self._arguments


def _joined(given: Any, ours: Sequence[Any]) -> Any:
    """The user's callbacks and ours, as the user gave them: a list or f(level)."""
    if not ours:
        return given
    if callables.is_callback_function(given):
        return lambda level: [*_listed(given(level)), *ours]
    return [*_listed(given), *ours]


def _listed(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _checked(
    made: Any, trial: int, directory: str, levels: int | None
) -> tuple[LotterySearch, dict[str, Any]]:
    """What `make_search` returned, if it is the search that was asked for."""
    pair = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    search, arguments = pair
    if not isinstance(search, LotterySearch) or not isinstance(arguments, Mapping):
        raise LotteryError(
            f"make_search returned {_kinds(made)}: return (search, fit_arguments), a "
            "LotterySearch and a dict of what its fit takes, such as dict(x=x, y=y, "
            "epochs=3)."
        )
    wanted = {"trial": trial, "directory": paths.as_path(directory)}
    given = {"trial": search.trial, "directory": search.directory.root}
    for name, value in wanted.items():
        if given[name] != value:
            raise LotteryError(
                f"make_search({trial}, {directory!r}) made a search of {name}="
                f"{given[name]!r}: pass {name}={name} on to LotterySearch."
            )
    search.trainable_model()
    if levels is not None and search.levels != levels:
        raise LotteryError(
            f"make_search made trial {trial} with levels={search.levels}, others with "
            f"levels={levels}: give all trials of an experiment the same."
        )
    return search, dict(arguments)


def _kinds(made: Any) -> str:
    if not isinstance(made, tuple):
        return type(made).__name__
    return f"({', '.join(type(each).__name__ for each in made)})"
