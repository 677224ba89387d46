"""The iterative lottery-ticket search (1803.03635, section 1), level by level.

search = lth.LotterySearch(model, levels=15, directory="runs/mnist")
history = search.fit(x, y, epochs=3, validation_data=(xv, yv))
search.ticket(9).save("ticket9")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from lth_keras import compat, errors
from lth_keras.compat import keras
from lth_keras.errors import LotteryError
from lth_keras.masking import acts
from lth_keras.masking.network import Network
from lth_keras.runs import layout, manifest, rows
from lth_keras.runs.stored import SearchHistory, StoredSearch
from lth_keras.search import settings as search_settings
from lth_keras.search.tensorboard import LevelSummaries
from lth_keras.storage import directories, files, locks, paths
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import iterations, one_run
from lth_keras.training import plan as plans
from lth_keras.training.iterations import parse_step

_OPTIMIZER_STATES = ("captured", "fresh")
# Batches of which criteria that read gradients see the mean.
_PRUNING_BATCHES = 100


class LotterySearch(StoredSearch):
    """Searches a wrapped, compiled model for lottery tickets by plain `fit` calls.

    Level 0 trains the dense network; each later level prunes the trained weights of
    the level before, rewinds the rest to theta_0 (or theta_k), and trains again.

    Args:
        model: made by `lth.wrap`, compiled by you.
        levels: pruning rounds; levels 0 to `levels` are trained. Or give
        target_density: the search ends at the first level whose P_m is at most this.
        directory: where everything is stored; a search killed at any moment and
            started again with the same settings goes on and ends the same.
        rewind_to: "0it", "500it" or "2ep": the step k whose weights and place in the
            learning-rate schedule later levels start from (1903.01611).
        optimizer_state: "captured" rewinds slots and step count to step k; "fresh"
            takes the slots as before the first step and only the step count of k.
        seed: seed of data order and random layers.
        monitor: the validation metric that finds the early-stopping iteration.
        trial: number of the trial, for the result lines.
        log_dir: TensorBoard summaries by level go here.
        on_result: called with each result line as it is stored.

    Raises:
        LotteryError: an argument is out of range or the model is not wrapped.
    """

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
        trial: int = 0,
        log_dir: str | None = None,
        on_result: Callable[[dict[str, Any]], None] | None = None,
    ):
        super().__init__(directory)
        self.model = model
        self._network: Network | None = None
        self.plan: plans.Plan | None = None
        self.seed = errors.check_count("seed", seed, 0, "a seed")
        self.trial = errors.check_count("trial", trial, 0, "the number of the trial")
        if levels is not None:
            levels = errors.check_count("levels", levels, 0, "a number of rounds")
        self._levels, self._target = levels, target_density
        self._rewind_to, self._optimizer_state = rewind_to, optimizer_state
        self._monitor, self._log_dir, self._on_result = monitor, log_dir, on_result
        self._optimizer_config: Any = None
        if model is not None:
            self._check_arguments(model)

    @classmethod
    def load(cls, directory: paths.PathLike) -> LotterySearch:
        """A stored search, finished or not, to read its tickets and results.

        To go on with an unfinished one, make a `LotterySearch` with the same
        settings and call `fit`.

        Raises:
            LotteryError: the directory holds no search.
        """
        stored = manifest.read(layout.RunDirectory(paths.as_path(directory)))
        return cls(
            None,
            levels=stored["levels"],
            directory=directory,
            seed=stored["seed"],
            trial=stored["trial"],
        )

    @property
    def levels(self) -> int:
        """The last level of the search."""
        if self._levels is None and self._target is not None:
            network = self.network
            self._levels = network.recipe.level_for_density(
                network.groups, self._target
            )
        return self._levels or 0

    @property
    def network(self) -> Network:
        """The weights, masks and recipe of the model, which is built."""
        if self._network is None:
            self._network = Network.of(self.trainable_model())
        return self._network

    @property
    def fresh_optimizer(self) -> bool:
        """Whether rewound runs take the optimizer's slots of before the first step."""
        return self._optimizer_state == "fresh"

    def restore(self, level: int) -> None:
        """Sets the model to the weights that a finished level ended with.

        The optimizer gets the state that the level began with.

        Raises:
            LotteryError: the level is not finished, or the search has no model.
        """
        self.trainable_model()
        place = self.finished(level)
        one_run.load(self.network, Ticket.load(place.ticket))
        one_run.load_trained(self.network, place)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: plans.UserCallbacks = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        *,
        test_data: Any = None,
        train_data: Any = None,
        evaluate_every: int | None = None,
        **fit_arguments: Any,
    ) -> SearchHistory:
        """Trains every level that is not stored yet, one `model.fit` each.

        The model holds the trained weights of the last level then.

        Args:
            x: as in `model.fit`, or f(level, seed) -> Dataset. With a third argument,
                `start`, the function is asked for a Dataset without an end that
                begins at that iteration, when levels are rewound to a later step.
            callbacks: a list of Keras callbacks, which see every level, or
                f(level) -> list. Keras's own with state are reset for each level; a
                backup left for BackupAndRestore is removed, since a level that was
                cut short is trained again from its start.
            test_data: (x, y) or a Dataset, evaluated as validation_data is.
            train_data: data whose accuracy is reported at each level's end.
            evaluate_every: iterations between evaluations (the paper: 100); the end
                of each epoch in any case.

        Returns:
            Results, curves and histories of all levels, stored ones included.

        Raises:
            DivergedError: the loss became NaN; finished levels stay.
            LotteryError: an argument does not fit, another process works in the
                directory, or it holds a search with other settings.
        """
        plan, rewind_step, settings = self._prepared(
            x=x,
            y=y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            test_data=test_data,
            train_data=train_data,
            evaluate_every=evaluate_every,
            **fit_arguments,
        )
        with locks.lock(self.directory.root):
            self._clean_leftovers()
            manifest.write_or_check(self.directory, settings)
            self._search(plan, rewind_step, settings)
        return self.history

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
        _, _, settings = self._prepared(x=x, y=y, **arguments)
        manifest.read(self.directory)
        manifest.write_or_check(self.directory, settings)

    def _prepared(self, **arguments: Any) -> tuple[plans.Plan, int, dict[str, Any]]:
        """The plan, which is kept, the rewind step, and the settings to store."""
        model = self.trainable_model()
        self.plan = plans.make(
            model, monitor=self._monitor, seed=self.seed, trial=self.trial, **arguments
        )
        rewind_step = self._rewind_step(self.plan)
        self.network.check_levels(self.levels)
        if "gradients" in self.network.recipe.needs:
            self.pruning_data(self.plan, 1)
        iterations.check_alignment(model, self.plan, rewind_step)
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
        )
        return self.plan, rewind_step, settings

    def _clean_leftovers(self) -> None:
        """Only what is the search's own: its controls may be running elsewhere."""
        directories.clean_leftovers(self.directory.root, recursive=False)
        for level in self.directory.levels():
            directories.clean_leftovers(self.directory.level(level).root)

    def _search(
        self, plan: plans.Plan, rewind_step: int, settings: dict[str, Any]
    ) -> None:
        """Iterative magnitude pruning; each step returns if its artefact exists."""
        ticket: Ticket | None = None  # of the level whose trained weights are in model
        for level in range(self.levels + 1):
            place = self.directory.level(level)
            if paths.exists(place.result):
                continue
            if paths.exists(place.ticket):
                ticket = Ticket.load(place.ticket)
            else:
                if level > 0 and (ticket is None or ticket.level != level - 1):
                    self.restore(level - 1)
                    ticket = self.ticket(level - 1)
                ticket = self._next_ticket(plan, ticket, rewind_step, settings)
                ticket.save(place.ticket)
            row = one_run.carry_out(
                self.network,
                ticket,
                plan,
                rows.Run(level, data_seed=self.seed),
                place,
                fresh_optimizer=level > 0 and self.fresh_optimizer,
                capture_at=rewind_step if level == 0 else None,
            )
            self.store_results(row)
        if ticket is None or ticket.level != self.levels:
            self.restore(self.levels)
        self.store_results()

    def _next_ticket(
        self,
        plan: plans.Plan,
        before: Ticket | None,
        rewind_step: int,
        settings: dict[str, Any],
    ) -> Ticket:
        """The dense network at level 0, else one round beyond the level before."""
        if before is None:
            density = self.network.density
            if density < 1.0:
                raise LotteryError(
                    f"the model has a density of {density:.3g} already, and "
                    "a search begins with the dense network: wrap the model anew."
                )
            start = acts.capture(self.network)
            return Ticket.of(self.network, start, seed=self.seed, settings=settings)
        level, needs = before.level + 1, self.network.recipe.needs
        acts.prune(
            self.network,
            self.ticket(0).start() if "initial" in needs else None,
            seed=self.seed + level,
            data=self.pruning_data(plan, level) if "gradients" in needs else None,
        )
        # Masks only shrink: what the level before started from holds all there is.
        start = before.start()
        if before.level == 0 and rewind_step > 0:
            start = Ticket.load(self.directory.level(0).rewind).start()
            if self._optimizer_state == "fresh":
                start = dataclasses.replace(start, optimizer=before.optimizer)
        return Ticket.of(
            self.network,
            start,
            level=level,
            seed=self.seed,
            settings=settings,
            parent=before.fingerprint,
        )

    def pruning_data(self, plan: plans.Plan, level: int) -> Any:
        """The first batches of the level's training data, for criteria of gradients.

        Raises:
            LotteryError: the data cannot begin again.
        """
        return plan.feed.sample(level, _PRUNING_BATCHES, self.seed)

    def store_results(self, row: dict[str, Any] | None = None) -> None:
        """Writes results.jsonl from the stored runs, and reports a new line."""
        files.write_jsonl(self.directory.results, self.results)
        if row is None:
            return
        if self._log_dir is not None and row["control"] == "ticket":
            LevelSummaries(self._log_dir).write(row, self.network)
        if self._on_result is not None:
            self._on_result(row)

    def _check_arguments(self, model: keras.Model) -> None:
        compat.require_tf_keras_model(model)
        if (self._levels is None) == (self._target is None):
            raise LotteryError(
                f"levels={self._levels!r} and target_density={self._target!r}: give "
                "one of the two."
            )
        if self._optimizer_state not in _OPTIMIZER_STATES:
            raise LotteryError(
                f"optimizer_state={self._optimizer_state!r} is not known: use "
                "'captured' or 'fresh'."
            )
        parse_step(self._rewind_to, 1)
        if model.built:
            Network.of(model).check_levels(self.levels)
        if self._log_dir is not None:
            LevelSummaries(self._log_dir)

    def trainable_model(self) -> keras.Model:
        """The compiled model.

        Raises:
            LotteryError: the search was loaded without one, or it is not compiled.
        """
        if self.model is None:
            raise LotteryError(
                "this search was loaded to be read: to go on with it, make a "
                "LotterySearch(model, directory=...) with the same settings."
            )
        if getattr(self.model, "optimizer", None) is None:
            raise LotteryError("the model is not compiled: call model.compile first.")
        return self.model

    def _rewind_step(self, plan: plans.Plan) -> int:
        step = parse_step(self._rewind_to, plan.feed.steps_per_epoch)
        if plan.iterations is not None and step >= plan.iterations:
            raise LotteryError(
                f"rewind_to={self._rewind_to!r} is iteration {step}, past the end of "
                f"a level of {plan.iterations} iterations: choose an earlier one."
            )
        plan.feed.check_start(step)
        return step
