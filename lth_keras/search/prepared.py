"""A search that is ready: its model, settings and plan, checked before anything trains.

What `LotterySearch` and its controls stand on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from lth_keras import compat
from lth_keras.arguments import MOST_LEVELS, among, count, function, text
from lth_keras.errors import LotteryError, shown
from lth_keras.masking.network import Network
from lth_keras.pruning import counts, recipes
from lth_keras.pruning.counts import check_density
from lth_keras.pruning.settling import MaskConverged
from lth_keras.runs import integrity, manifest, result_files, trained
from lth_keras.runs.result_lines import ResultLines
from lth_keras.search import lengths, starting, stopping
from lth_keras.search import settings as search_settings
from lth_keras.search.reading import ModelSearch
from lth_keras.search.tensorboard import LevelSummaries
from lth_keras.storage import paths, sharing
from lth_keras.training import cluster, iterations
from lth_keras.training import plan as plans
from lth_keras.training.points import parse_step

_OPTIMIZER_STATES = ("captured", "fresh")
# Batches of which criteria that read gradients see the mean.
_PRUNING_BATCHES = 100


class PreparedSearch(ModelSearch):
    """Everything of a search but its loop; `LotterySearch` says what it is given."""

    def __init__(
        self,
        model: Any,
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
        rewind: str = "weights",
        recipe: str | recipes.Course | None = None,
        stop: MaskConverged | None = None,
        log_dir: str | None = None,
        keep_trained: str = "all",
        on_result: Callable[[dict[str, Any]], None] | None = None,
    ):
        super().__init__(model, directory)
        self.result_lines = ResultLines(self.directory.results, lambda: self.results)
        self.plan: plans.Plan | None = None
        self.seed = count("seed", seed, 0, "a seed")
        self.trial = count("trial", trial, 0, "the number of the trial")
        if not among(first, counts.FIRST):
            raise LotteryError(
                f"first={shown(first)} is not known: use 'train' or 'prune'."
            )
        self.first = first
        self.rewind = starting.checked(rewind, first)
        self.course = recipes.parse(recipe)
        stopping.check(stop, first)
        self.stop = stop
        if levels is not None:
            levels = count("levels", levels, 0, "a number of rounds", MOST_LEVELS)
        if target_density is not None:
            target_density = check_density(target_density)
        if not among(keep_trained, trained.KEEP):
            raise LotteryError(
                f"keep_trained={shown(keep_trained)} is not known: use 'all' or "
                "'needed'."
            )
        self.keep_trained = keep_trained
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
        asked = self._asked_levels
        return asked if self.course is None else self.course.levels(asked)

    @property
    def _asked_levels(self) -> int:
        """The level that has the density that the search ends at, in whole rounds."""
        if self._levels is None and self._target is not None:
            network = self._whole_network
            rounds = network.recipe.level_for_density(network.groups, self._target)
            self._levels = max(0, rounds - counts.rounds_before(self.first))
        return self._levels or 0

    def _pruned_by(self, network: Network) -> Network:
        """The network with the rates of the course, where there is one."""
        if self.course is None or not (levels := self._asked_levels):
            return network
        before = counts.rounds_before(self.first)
        network.check_levels(levels, before)
        rates = network.recipe.in_rounds(
            network.tensors, levels + before, self.course.levels(levels) + before
        )
        return network.with_rates(rates)

    @property
    def first_pruned(self) -> int:
        """The first level that is pruned."""
        return 1 - counts.rounds_before(self.first)

    @property
    def fresh_optimizer(self) -> bool:
        """Whether rewound runs take the optimizer's slots of before the first step."""
        return self._optimizer_state == "fresh"

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
        with cluster.joined(self.trainable_model()):
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
        epochs, steps = arguments.get("epochs", 1), arguments.get("steps_per_epoch")
        first = {
            "epochs": lengths.at("epochs", epochs, 0),
            "steps_per_epoch": lengths.at("steps_per_epoch", steps, 0),
        }
        made = plans.make(
            model,
            monitor=self._monitor,
            seed=self.seed,
            trial=self.trial,
            monitor_metric=self._monitor_metric,
            **{**arguments, **first},
        )
        stride = made.trainer.steps_per_execution(model)
        self.plan = lengths.by_level(
            made, self.levels, epochs, steps, self.course, stride
        )
        rewind_step = self._rewind_step(self.plan)
        self.check_levels()
        if "gradients" in self.network.recipe.needs:
            self.pruning_data(self.plan, self.first_pruned)
        for level in range(max(1, len(self.plan.lengths))):
            iterations.check_alignment(model, self.plan.of(level), rewind_step)
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
            rewind=self.rewind,
            stop=self.stop,
        )
        return self.plan, rewind_step, settings

    def plan_at(self, level: int) -> plans.Plan:
        """How a level, and controls of its density, are trained.

        Raises:
            LotteryError: neither `fit` nor `prepare` has been called.
        """
        if self.plan is None:
            raise LotteryError(
                "how the search trains is not known yet: call fit, or prepare, first."
            )
        plan = self.plan.of(level)
        if self.rewind != "none" or not level:
            return plan
        # Fine-tuning goes on where the dense network's schedule ended.
        return dataclasses.replace(plan, after=self.plan.of(0).iterations or 0)

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
        if self.plan is not None and self.plan.progress is not None:
            self.plan.progress.finish(row)
        if self._log_dir is not None and sharing.writes():
            watched = self.stop is not None and row["control"] == "ticket"
            curve = self._curve(row["level"]) if watched else None
            LevelSummaries(self._log_dir).write(row, self.network, curve)
        if self.on_result is not None:
            self.on_result(row)

    def _curve(self, level: int) -> dict[str, list[Any]]:
        return result_files.curve(self.directory.level(level)).curve

    def _check_arguments(self, model: Any) -> None:
        if not compat.is_keras3_model(model):
            compat.require_tf_keras_model(model)
            compat.require_in_step(model)
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
        if compat.trainer_of(model).is_built(model):
            self.check_levels()
        if self._log_dir is not None:
            LevelSummaries(self._log_dir)

    def _rewind_step(self, plan: plans.Plan) -> int:
        step = parse_step(self._rewind_to, plan.feed.steps_per_epoch)
        shortest = plan.shortest
        if shortest is not None and step >= shortest:
            raise LotteryError(
                f"rewind_to={self._rewind_to!r} is iteration {step}, past the end of "
                f"a level of {shortest} iterations: choose an earlier one."
            )
        if step and self.first == "prune":
            raise LotteryError(
                f"rewind_to={self._rewind_to!r}: a search with first='prune' starts "
                "every level from theta_0: leave it at '0it'."
            )
        starting.check_step(self.rewind, step, self._rewind_to, plan.of(0).iterations)
        plan.feed.check_start(step)
        return step
