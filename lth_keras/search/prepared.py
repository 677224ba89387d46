"""A search that is ready: its model, settings and plan, checked before anything trains.

What `LotterySearch` and its controls stand on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lth_keras import compat
from lth_keras.arguments import MOST_LEVELS, among, count, function, text
from lth_keras.compat import keras
from lth_keras.errors import LotteryError, shown
from lth_keras.masking.network import Network
from lth_keras.pruning import counts
from lth_keras.pruning.counts import check_density
from lth_keras.runs import integrity, manifest
from lth_keras.runs.result_lines import ResultLines
from lth_keras.runs.stored import StoredSearch
from lth_keras.search import settings as search_settings
from lth_keras.search.tensorboard import LevelSummaries
from lth_keras.storage import paths
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import iterations, one_run
from lth_keras.training import plan as plans
from lth_keras.training.iterations import parse_step

_OPTIMIZER_STATES = ("captured", "fresh")
# Batches of which criteria that read gradients see the mean.
_PRUNING_BATCHES = 100


class PreparedSearch(StoredSearch):
    """Everything of a search but its loop; `LotterySearch` says what it is given."""

    def __init__(
        self,
        model: keras.Model | None,
        levels: int | None = None,
        directory: paths.PathLike = "",
        *,
        target_density: float | None = None,
        rewind_to: int | str = "0it",
        optimizer_state: str = "captured",
        seed: int = 0,
        monitor: str = "val_loss",
        monitor_metric: str | None = None,
        trial: int = 0,
        first: str = "train",
        log_dir: str | None = None,
        on_result: Callable[[dict[str, Any]], None] | None = None,
    ):
        super().__init__(directory)
        self.result_lines = ResultLines(self.directory.results, lambda: self.results)
        self.model = model
        self._network: Network | None = None
        self.plan: plans.Plan | None = None
        self.seed = count("seed", seed, 0, "a seed")
        self.trial = count("trial", trial, 0, "the number of the trial")
        if not among(first, counts.FIRST):
            raise LotteryError(
                f"first={shown(first)} is not known: use 'train' or 'prune'."
            )
        self.first = first
        if levels is not None:
            levels = count("levels", levels, 0, "a number of rounds", MOST_LEVELS)
        if target_density is not None:
            target_density = check_density(target_density)
        text("monitor", monitor, "a metric of the validation data")
        if on_result is not None:
            function("on_result", on_result, "f(row)", [{}])
        self._levels, self._target = levels, target_density
        self._rewind_to, self._optimizer_state = rewind_to, optimizer_state
        self._monitor, self._log_dir, self.on_result = monitor, log_dir, on_result
        self._monitor_metric = monitor_metric
        self._optimizer_config: Any = None
        if model is not None:
            self._check_arguments(model)

    @property
    def levels(self) -> int:
        """The last level of the search."""
        if self._levels is None and self._target is not None:
            network = self.network
            rounds = network.recipe.level_for_density(network.groups, self._target)
            self._levels = max(0, rounds - counts.rounds_before(self.first))
        return self._levels or 0

    @property
    def first_pruned(self) -> int:
        """The first level that is pruned."""
        return 1 - counts.rounds_before(self.first)

    @property
    def network(self) -> Network:
        """The weights, masks and recipe of the model, which is built."""
        model = self._given_model()
        if self._network is None or self._network.model is not model:
            self._network = Network.of(model)
        return self._network

    @property
    def fresh_optimizer(self) -> bool:
        """Whether rewound runs take the optimizer's slots of before the first step."""
        return self._optimizer_state == "fresh"

    def ticket(self, level: int) -> Ticket:
        """The ticket that a level was trained from, in the order of the model.

        Raises:
            LotteryError: that level has not been reached.
        """
        return self._ordered(self.stored_ticket(level))

    def stored_ticket(self, level: int) -> Ticket:
        """The ticket that a level was trained from, as it is stored."""
        return super().ticket(level)

    @property
    def theta(self) -> Ticket:
        """The dense network that every level is rewound to: theta_0, or theta_k.

        Raises:
            LotteryError: level 0 has not been reached.
        """
        return self._ordered(super().theta)

    @property
    def initial(self) -> Ticket:
        """The dense network that the search began with, theta_0.

        Raises:
            LotteryError: level 0 has not been reached.
        """
        return self.theta if self.first == "prune" else self.ticket(0)

    def trained_weights(self, level: int) -> list[np.ndarray]:
        """The weights that a level ended with, in the order of its ticket's.

        Raises:
            LotteryError: the level is not finished.
        """
        values = super().trained_weights(level)
        if not self._has_weights:
            return values
        return one_run.in_order(self.network, self.finished(level), values)

    def _ordered(self, ticket: Ticket) -> Ticket:
        return ticket.ordered(self.network) if self._has_weights else ticket

    @property
    def _has_weights(self) -> bool:
        return self.model is not None and bool(self.model.built)

    def restore(self, level: int) -> None:
        """Sets the model to the weights that a finished level ended with.

        The optimizer gets the state that the level began with.

        Raises:
            LotteryError: the level is not finished, or the search has no model.
        """
        self.trainable_model()
        place = self.finished(level)
        one_run.load(self.network, self.stored_ticket(level))
        one_run.load_trained(self.network, place)

    def prepare(self, x: Any = None, y: Any = None, **arguments: Any) -> None:
        """Makes the search ready for controls, and trains nothing.

        For a search that is finished, or that another process is carrying out.

        Args:
            x: as in `fit`.
            y: as in `fit`.
            **arguments: all others that `fit` was given.

        Raises:
            LotteryError: as `fit`; or nothing is stored in the directory.
        """
        plan, _, settings = self.plan_for(x=x, y=y, **arguments)
        integrity.check_kinds(self.directory.root)
        manifest.read(self.directory)
        manifest.write_or_check(self.directory, settings, plan.told)

    def plan_for(self, **arguments: Any) -> tuple[plans.Plan, int, dict[str, Any]]:
        """The plan, which is kept, the rewind step, and the settings to store.

        Args:
            **arguments: those of `fit`.

        Raises:
            LotteryError: an argument does not fit; nothing has been written.
        """
        model = self.trainable_model()
        self._network = None  # A Sequential may have grown since.
        self.plan = plans.make(
            model,
            monitor=self._monitor,
            seed=self.seed,
            trial=self.trial,
            monitor_metric=self._monitor_metric,
            **arguments,
        )
        rewind_step = self._rewind_step(self.plan)
        self.check_levels()
        if "gradients" in self.network.recipe.needs:
            self.pruning_data(self.plan, self.first_pruned)
        iterations.check_alignment(model, self.plan, rewind_step)
        iterations.check_lengths(self.plan, self.levels)
        # The learning rate in it may change while training.
        self._optimizer_config = self._optimizer_config or search_settings.optimizer(
            model
        )
        settings = search_settings.settings(
            self.network,
            self.plan,
            levels=self.levels,
            rewind_step=rewind_step,
            optimizer_state=self._optimizer_state,
            optimizer=self._optimizer_config,
            first=self.first,
        )
        return self.plan, rewind_step, settings

    def check_levels(self) -> None:
        """Refuses levels that would leave a weight tensor empty."""
        self.network.check_levels(self.levels, counts.rounds_before(self.first))

    def pruning_data(self, plan: plans.Plan, level: int) -> Any:
        """The first batches of the level's training data, for criteria of gradients.

        Raises:
            LotteryError: the data cannot begin again, or class_weight does not fit.
        """
        class_weight = plan.fit_arguments.get("class_weight")
        return plan.feed.sample(level, _PRUNING_BATCHES, self.seed, class_weight)

    def store_results(self, row: dict[str, Any] | None = None) -> None:
        """Adds a stored run's line and reports it; or writes all lines anew."""
        if row is None:
            self.result_lines.store()
            return
        self.result_lines.add(row)
        if self._log_dir is not None and row["control"] == "ticket":
            LevelSummaries(self._log_dir).write(row, self.network)
        if self.on_result is not None:
            self.on_result(row)

    def _check_arguments(self, model: keras.Model) -> None:
        compat.require_tf_keras_model(model)
        if (self._levels is None) == (self._target is None):
            raise LotteryError(
                f"levels={self._levels!r} and target_density={self._target!r}: give "
                "one of the two."
            )
        if not among(self._optimizer_state, _OPTIMIZER_STATES):
            raise LotteryError(
                f"optimizer_state={shown(self._optimizer_state)} is not known: use "
                "'captured' or 'fresh'."
            )
        parse_step(self._rewind_to, 1)
        if model.built:
            self.check_levels()
        if self._log_dir is not None:
            LevelSummaries(self._log_dir)

    def trainable_model(self) -> keras.Model:
        """The compiled model.

        Raises:
            LotteryError: the search was loaded without one, or it is not compiled.
        """
        model = self._given_model()
        if getattr(model, "optimizer", None) is None:
            raise LotteryError("the model is not compiled: call model.compile first.")
        return model

    def _given_model(self) -> keras.Model:
        if self.model is None:
            raise LotteryError(
                "this search was loaded to be read: to go on with it, make a "
                "LotterySearch(model, directory=...) with the same settings."
            )
        return self.model

    def _rewind_step(self, plan: plans.Plan) -> int:
        step = parse_step(self._rewind_to, plan.feed.steps_per_epoch)
        if plan.iterations is not None and step >= plan.iterations:
            raise LotteryError(
                f"rewind_to={self._rewind_to!r} is iteration {step}, past the end of "
                f"a level of {plan.iterations} iterations: choose an earlier one."
            )
        if step and self.first == "prune":
            raise LotteryError(
                f"rewind_to={self._rewind_to!r}: a search with first='prune' starts "
                "every level from theta_0: leave it at '0it'."
            )
        plan.feed.check_start(step)
        return step
