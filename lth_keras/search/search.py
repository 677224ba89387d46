"""The iterative lottery-ticket search (1803.03635, section 1), level by level.

search = lth.LotterySearch(model, levels=15, directory="runs/mnist")
history = search.fit(x, y, epochs=3, validation_data=(xv, yv))
search.ticket(9).save("ticket9")
"""

from __future__ import annotations

import dataclasses
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.masking import acts
from lth_keras.masking.starts import Start
from lth_keras.runs import integrity, layout, manifest, rows, trained
from lth_keras.runs.stored import SearchHistory
from lth_keras.search import starting, stopping, telling, untrained
from lth_keras.search.prepared import PreparedSearch
from lth_keras.storage import directories, locks, paths
from lth_keras.tickets import ticket as tickets
from lth_keras.tickets.ticket import Ticket
from lth_keras.training import cluster, one_run
from lth_keras.training import plan as plans


class LotterySearch(PreparedSearch):
    """Searches a model on masks, compiled, for lottery tickets by plain `fit` calls.

    Level 0 trains the dense network; each later level prunes the trained weights of
    the level before, rewinds the rest to theta_0 (or theta_k), and trains again. With
    ``first="prune"`` no level looks at what was trained: each is a round more on
    theta_0, and level 0 is pruned already.

    Args:
        model: made by `lth.wrap`, or held by `lth.hold`, of tf_keras or Keras 3;
            compiled by you.
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
        monitor_metric: the metric of tables and figures, by its name in Keras's logs
            ("digit_accuracy", "mae"); by default accuracy, of several the first, or
            else the first metric, or the loss. Lines hold all metrics by name.
        trial: number of the trial, for the result lines.
        first: what comes first in a level, "train" (the paper's search) or "prune"
            (pruning at initialisation, for criteria such as "snip": 1810.02340).
        rewind: what each level takes back of the training before it: "weights" (with
            schedule and optimizer; the paper's search), "learning_rate" (schedule and
            optimizer, the trained weights stay) or "none" (fine-tuning, at the
            schedule's last learning rate): 2003.02389.
        recipe: "thrifty", or one of `lth.recipes`: the density and counts of `levels`
            or `target_density` in fewer rounds and shorter levels but for the last;
            `search.levels` are these rounds.
        stop: `lth.MaskConverged(...)` ends levels when the mask that they give has
            settled (1909.11957), but for the last one, which gives none; by default
            all are trained to their end.
        log_dir: TensorBoard summaries go here: scalars by level, masks and filters as
            histograms and images, a session (HParams) for each level and control.
        keep_trained: "all" stores the weights that every run ended with; "needed" has
            those of level 0 and of the last finished level alone, which the search
            and `one_shot` go on from. Tickets, curves and results are kept in any
            case; exports, analyses and the controls fine_tune, lr_rewind and freeze
            read what "needed" does not keep.
        on_result: called with each result line as it is stored.

    Raises:
        LotteryError: an argument is out of range or the model is not wrapped.
    """

    @classmethod
    def load(cls, directory: paths.PathLike) -> LotterySearch:
        """A stored search, finished or not, to read its tickets and results.

        To go on with an unfinished one, make a `LotterySearch` with the same
        settings and call `fit`.

        Raises:
            LotteryError: the directory holds no search.
        """
        integrity.check_kinds(directory)
        stored = manifest.read(layout.RunDirectory(paths.as_path(directory)))
        return cls(
            None,
            levels=stored["levels"],
            directory=directory,
            seed=stored["seed"],
            trial=stored["trial"],
            first=stored.get("first", "train"),
        )

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
            verbose: "auto": one bar for the whole search, with level, P_m and the time
                left; in a log a line a level. 1 and 2: Keras's own, by epoch.
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
        given = dict(
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
        with cluster.joined(self.trainable_model()):
            return self._fit(given)

    def _fit(self, given: dict[str, Any]) -> SearchHistory:
        plan, rewind_step, settings = self.plan_for(**given)
        with locks.lock(self.directory.root):
            integrity.check_kinds(self.directory.root)
            self._clean_leftovers()
            manifest.write_or_check(self.directory, settings, plan.told)
            # What a killed search may have left out.
            self.store_results()
            with self.result_lines.in_order(), telling.shown(self, plan) as told:
                self._search(told, rewind_step, settings)
            return self.history

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
                # What is trained next would hide that it is damaged.
                integrity.check_run(self.directory, place)
                self._discard_before(level)
                continue
            if paths.exists(place.ticket):
                ticket = self.ticket(level)
            else:
                if level > 0 and (ticket is None or ticket.level != level - 1):
                    self.restore(level - 1)
                    ticket = self.ticket(level - 1)
                ticket = self._next_ticket(plan, ticket, rewind_step, settings)
                ticket.save(place.ticket)
            row = one_run.carry_out(
                self.network,
                ticket,
                self._watched(plan, level, rewind_step),
                rows.Run(level, data_seed=self.seed),
                place,
                fresh_optimizer=level > 0 and self.fresh_optimizer,
                capture_at=rewind_step if level == 0 else None,
            )
            self.store_results(row)
            self._discard_before(level)
        if ticket is None or ticket.level != self.levels:
            self.restore(self.levels)

    def _discard_before(self, level: int) -> None:
        """Removes trained weights that no level after a finished one begins from."""
        if self.keep_trained == "needed" and level > 1:
            trained.discard(self.directory.level(level - 1))

    def _compared(self) -> Start | None:
        """theta_0, for criteria that compare with it."""
        needed = "initial" in self.network.recipe.needs
        return self.ticket(0).start() if needed else None

    def _round(
        self, plan: plans.Plan, level: int, start: Start | None
    ) -> dict[str, Any]:
        """What the round that makes a level is carried out with, once."""
        reads = "gradients" in self.network.recipe.needs
        return {
            "start": start,
            "seed": self.seed + level,
            "data": self.pruning_data(plan.of(level), level) if reads else None,
            "level": level,
        }

    def _watched(self, plan: plans.Plan, level: int, rewind_step: int) -> plans.Plan:
        """The plan of a level, which may end when its mask has settled."""
        if self.stop is None or level == self.levels:
            return self.plan_at(level)
        start = self._compared()
        return stopping.watching(
            self.plan_at(level),
            self.stop,
            self.network,
            # The batches of a round can be read once.
            lambda: acts.next_masks(
                self.network, **self._round(plan, level + 1, start)
            ),
            rewind_step,
        )

    def _next_ticket(
        self,
        plan: plans.Plan,
        before: Ticket | None,
        rewind_step: int,
        settings: dict[str, Any],
    ) -> Ticket:
        """The dense network at level 0, else one round beyond the level before.

        Its weights take the place of those of the level before, which is stored.
        """
        if self.first == "prune":
            untrained.begin(self.network, self.directory, self.seed)
            return untrained.next_ticket(
                self.network,
                self.initial,
                before,
                self.seed,
                settings,
                lambda level: self.pruning_data(plan.of(level), level),
            )
        if before is None:
            untrained.require_dense(self.network)
            start = acts.capture(self.network)
            return tickets.consuming(
                self.network, start, seed=self.seed, settings=settings
            )
        level, parent = before.level + 1, before.fingerprint
        acts.prune(self.network, **self._round(plan, level, self._compared()))
        # Masks only shrink: what the level before started from holds all there is.
        start = before.start()
        if before.level == 0 and rewind_step > 0:
            theta = self.theta
            if theta.step != rewind_step:
                place = self.directory.level(0)
                raise LotteryError(
                    f"{place.rewind} is of step {theta.step} or gone, and levels are "
                    f"rewound to step {rewind_step}: remove {place.root} to train it "
                    "again."
                )
            start = theta.start()
            if self._optimizer_state == "fresh":
                start = dataclasses.replace(start, optimizer=before.optimizer)
        start = starting.of_trained(start, self.network, self.rewind)
        return tickets.consuming(
            self.network,
            start,
            level=level,
            seed=self.seed,
            settings=settings,
            parent=parent,
        )
