"""A method in a run directory: stored as it goes, resumed where it was killed.

method = lth.methods.EdgePopup(model, keep=0.5)
method.model.compile(...)
search = lth.methods.MethodSearch(method, "runs/popup", seed=0)
search.fit(x, y, epochs=10, validation_data=(xv, yv))
ticket = search.ticket(0)
"""

from __future__ import annotations

import dataclasses
from typing import Any

from lth_keras.arguments import instance
from lth_keras.errors import LotteryError
from lth_keras.masking import acts
from lth_keras.methods.method import Method, Phase
from lth_keras.runs import integrity, rows
from lth_keras.runs.layout import LevelDirectory
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import one_run
from lth_keras.training import plan as plans
from lth_keras.training.counting import level_seed


class MethodSearch(LotterySearch):
    """Carries out the phases of a method as the levels of a search.

    Level l is phase l: its line, curve and trained weights are stored as those of any
    search. A phase that learns a mask stores what it found as its ticket, and what it
    began with as the point to rewind to; any other begins with its ticket. A phase that
    was cut short is trained again from its beginning, and ends the same.

    Args:
        method: a method of this package or of your own, whose `model` is compiled.
        directory: where everything is stored, local or gs://.
        seed: of data order and random layers, and of what the phases draw.
        **others: `monitor`, `monitor_metric`, `trial`, `log_dir` and `on_result`, as
            of `lth.LotterySearch`.

    Raises:
        LotteryError: an argument is out of range.
    """

    def __init__(
        self, method: Method, directory: paths.PathLike, *, seed: int = 0, **others: Any
    ):
        self.method = instance(
            "method", method, Method, "one of lth.methods, such as EdgePopup(model)"
        )
        allowed = {"monitor", "monitor_metric", "trial", "log_dir", "on_result"}
        if unknown := sorted(set(others) - allowed):
            raise LotteryError(
                f"MethodSearch does not take {', '.join(unknown)}: it takes method, "
                f"directory, seed, {', '.join(sorted(allowed))}."
            )
        levels = len(method.plan) - 1
        super().__init__(method.model, levels, directory, seed=seed, **others)

    @classmethod
    def load(cls, directory: paths.PathLike) -> LotterySearch:
        """A stored search, to read its tickets and results."""
        return LotterySearch.load(directory)

    def check_levels(self) -> None:
        """Nothing: a method's phases leave no tensor empty that begins whole."""

    def plan_for(self, **arguments: Any) -> tuple[plans.Plan, int, dict[str, Any]]:
        """As of any search, with what the method is given among the settings."""
        plan, rewind_step, settings = super().plan_for(**arguments)
        if self.method.reads_data:
            self.pruning_data(plan, 0)
        return plan, rewind_step, {**settings, "method": self.method.settings()}

    def restore(self, level: int) -> None:
        """Sets the model to what a finished phase ended with."""
        if self.method.plan[level].learns:
            self.finished(level)
            self.method.hold(self.ticket(level), self.network)
        else:
            super().restore(level)

    def _search(
        self, plan: plans.Plan, rewind_step: int, settings: dict[str, Any]
    ) -> None:
        """The phases in their order; each returns if its result is stored."""
        done: int | None = None  # the phase whose end the model holds
        for level, phase in enumerate(self.method.plan):
            place = self.directory.level(level)
            if paths.exists(place.result):
                integrity.check_run(self.directory, place)
                continue
            if level and done != level - 1:
                self.restore(level - 1)
            carry_out = self._learn if phase.learns else self._train
            row = carry_out(level, place, self._plan_of(level, plan, phase), settings)
            self.store_results(row)
            done = level
        if done != self.levels:
            self.restore(self.levels)

    def _plan_of(self, level: int, plan: plans.Plan, phase: Phase) -> plans.Plan:
        given: dict[str, Any] = {}
        if self.method.reads_data:
            # A function, as they can be read once.
            given["data"] = lambda: self.pruning_data(plan, level)
        own = self.method.callbacks(level, level_seed(self.seed, level), **given)

        def both(index: int) -> list[Any]:
            return [*own, *plan.callbacks_of(index)]

        callbacks = both if own else plan.callbacks
        return dataclasses.replace(
            plan.of(level), rate_factor=phase.rate_factor, callbacks=callbacks
        )

    def _learn(
        self,
        level: int,
        place: LevelDirectory,
        plan: plans.Plan,
        settings: dict[str, Any],
    ) -> dict[str, Any]:
        """Trains a mask, which is stored when it is found."""
        about = {"level": level, "seed": self.seed, "settings": settings}
        if not paths.exists(place.rewind):
            self.method.begin(level, self.network)
            start = acts.capture(self.network)
            Ticket.of(self.network, start, **about).save(place.rewind)
        begun = Ticket.load(place.rewind)
        self.method.begin(level, self.network)

        def settle() -> Ticket:
            found = dataclasses.replace(self.method.found(self.network), **about)
            found.save(place.ticket, overwrite=True)
            return found

        return one_run.carry_out(
            self.network, begun, plan, self._run(level), place, settle=settle
        )

    def _train(
        self,
        level: int,
        place: LevelDirectory,
        plan: plans.Plan,
        settings: dict[str, Any],
    ) -> dict[str, Any]:
        """Trains from a ticket: the phase's masks on the weights of the one before."""
        if not paths.exists(place.ticket):
            self.method.begin(level, self.network)
            before = self.ticket(level - 1) if level else None
            start = None if level else acts.capture(self.network)
            ticket = Ticket.of(
                self.network,
                start,
                level=level,
                seed=self.seed,
                settings=settings,
                parent=before and before.fingerprint,
            )
            if level:
                optimizer = self.ticket(0).optimizer
                ticket = dataclasses.replace(ticket, optimizer=optimizer)
            ticket.save(place.ticket)
        return one_run.carry_out(
            self.network, self.ticket(level), plan, self._run(level), place
        )

    def _run(self, level: int) -> rows.Run:
        # Another order of the data in each phase, which goes on where one ended.
        seed = level_seed(self.seed, level) if level else self.seed
        return rows.Run(level, data_seed=seed)
