"""Trials, controls and workers for any model: the experiment around a search.

rows = lth.Experiment(make_search, controls=["random_reinit"], directory="x").run()
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

from lth_keras import arguments
from lth_keras.analysis.study import Study
from lth_keras.arguments import MOST_LEVELS, MOST_RUNS, MOST_WORKERS, count
from lth_keras.controls import syntax
from lth_keras.errors import LotteryError, shown
from lth_keras.experiments import checks, engines, holding, job, tasks
from lth_keras.experiments.engines.registry import AnyEngine
from lth_keras.experiments.trials import MakeSearch, Trials
from lth_keras.runs import layout
from lth_keras.runs.results import Results
from lth_keras.search.search import LotterySearch
from lth_keras.storage import paths


class Experiment:
    """Several trials of one search, each compared with controls.

    A trial is a search with initial weights and data order of its own; a control is a
    run that a ticket is compared with, at the density of a level (1803.03635, section
    2: five trials, random reinitialisation). You write the function that makes the
    search of a trial:

        import tf_keras as keras, lth_keras as lth

        def make_search(trial, directory):
            model = keras.Sequential(
                [
                    keras.layers.Dense(300, "relu", input_shape=(784,)),
                    keras.layers.Dense(10),
                ]
            )
            model = lth.wrap(model, rate=0.2, output_rate=0.1)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile("adam", loss, metrics=["accuracy"])
            search = lth.LotterySearch(
                model, levels=8, directory=directory, trial=trial, seed=trial
            )
            return search, dict(
                x=x, y=y, batch_size=60, epochs=3, validation_data=(xv, yv)
            )

        experiment = lth.Experiment(
            make_search, trials=5, controls=["random_reinit"], directory="runs/mine"
        )
        rows = experiment.run(workers=2)

    Everything is stored as it is found: run again after it was stopped, an experiment
    goes on and ends the same. With other numbers of trials and replicates, other
    controls, levels of controls and workers it goes on too; a `make_search` of other
    settings is refused.

    Args:
        make_search: f(trial, directory) -> (search, fit_arguments): a `LotterySearch`
            of that trial and directory with a compiled model, and a dict of what its
            `fit` takes. While it runs, the random generators of Python, NumPy and
            Keras are seeded by the trial, so that a new model begins as it would in
            any other process. It may be called more than once for a trial.
        trials: number of searches, 0 to `trials` - 1.
        controls: names of controls with their parameters, such as "random_reinit",
            "noise:sigma=0.5" or "one_shot+random_reinit"; or a single one.
        directory: where everything is stored, local or gs://: results.jsonl, and a
            run directory trial0, trial1, ... for each search.
        replicates: runs of each control per level, each with a seed of its own.
        levels: levels at whose densities the controls are run; all pruned ones by
            default.
        stability: whose stability to the order of the data is measured too, a
            `lth.analysis.Study`; `lth.analysis.stability(directory)` reads it.

    Raises:
        LotteryError: an argument is out of range, or a control is not known.
    """

    def __init__(
        self,
        make_search: MakeSearch,
        trials: int = 5,
        controls: str | Iterable[str] = (),
        directory: paths.PathLike = "",
        *,
        replicates: int = 1,
        levels: Iterable[int] | None = None,
        stability: Study | None = None,
    ):
        form = "f(trial, directory) -> (search, fit_arguments)"
        arguments.function("make_search", make_search, form, [0, ""])
        if isinstance(directory, str) and not directory:
            raise LotteryError("directory is missing: name where it is all stored.")
        self._make_search = make_search
        self._trials = count("trials", trials, 1, "a number of searches", MOST_RUNS)
        self._controls = _known([controls] if isinstance(controls, str) else controls)
        self._directory = layout.ExperimentDirectory(
            paths.as_path(directory, "directory")
        )
        self._replicates = count(
            "replicates", replicates, 1, "the runs of each control per level", MOST_RUNS
        )
        self._levels = None if levels is None else _sorted(levels)
        kinds = (Study, type(None))
        arguments.instance("stability", stability, kinds, "an lth.analysis.Study")
        self._study = stability

    @property
    def rows(self) -> Results:
        """The stored result lines: by trial, in each its levels and then its controls.

        Those of runs that this experiment did not ask for, but an earlier one in the
        same directory, are among them.
        """
        return Results(job.rows(self._directory))

    def __repr__(self) -> str:
        trials = f"{self._trials} trial{'s' if self._trials > 1 else ''}"
        controls = f", controls {', '.join(self._controls)}" if self._controls else ""
        return f"Experiment({self._directory.root}, {trials}{controls})"

    def _repr_html_(self) -> str | None:
        try:
            return self.rows._repr_html_()
        except LotteryError:
            return None  # A notebook then shows the text.

    def run(
        self,
        workers: int = 0,
        engine: AnyEngine = "local",
        only_trial: int | None = None,
    ) -> Results:
        """Carries out what is not stored yet.

        Args:
            workers: number of runs at a time, each in a process of its own with one
                thread, so that any number of workers gives the same results; 0: in
                this process, with all of TensorFlow's threads. Processes get
                `make_search` with all that it refers to, and do not run your script
                again. On a cluster 0 is as many as it has room for.
            engine: where the runs are carried out: "local", or "ray" and
                `lth.engines.Ray(...)` for a cluster of Ray.
            only_trial: number of the one trial to carry out; processes with other
                numbers may work in the directory at the same time.

        Returns:
            The result lines, as in results.jsonl: `rows`.

        Raises:
            LotteryError: something does not fit, and nothing has been written; a
                search diverged or failed, and finished runs stay; or a control
                diverged, and all others have been carried out.
        """
        workers = count("workers", workers, 0, "a number of processes", MOST_WORKERS)
        chosen = engines.get(engine)
        if only_trial is not None:
            last = self._trials - 1
            only_trial = count("only_trial", only_trial, 0, "one of the trials", last)
        trials = Trials(self._make_search)
        search, arguments = trials.search(0, self._directory.trial(0).root)
        threads = workers or int(chosen.elsewhere)
        plan = checks.check_search(search, arguments, self._controls, threads)
        starts = []
        if self._study is not None:
            starts = self._study.starts(plan.feed.steps_per_epoch, search.first)
            checks.check_stability(starts, search, plan.shortest)
        levels = self._levels or range(search.first_pruned, search.levels + 1)
        checks.check_levels(levels, search, self._controls)
        if chosen.check is not None:
            chosen.check(workers, trials)
        per_search = len(self._controls) * len(levels) * self._replicates
        per_search += sum(each.number for each in starts)
        checks.check_size(self._trials, search.levels, per_search)
        trial_numbers: Iterable[int] = range(self._trials)
        if only_trial is not None:
            trial_numbers = [only_trial]
        every = tasks.of_job(trial_numbers, levels, self._controls, self._replicates)
        every = list(dict.fromkeys(every + tasks.of_stability(trial_numbers, starts)))
        with holding.of(self._directory, only_trial, "directory") as hold:
            job.carry_out(
                every,
                self._directory,
                search.levels,
                lambda: trials,
                functools.partial(self._summary, search),
                hold,
                workers,
                chosen,
            )
        return self.rows

    def _summary(self, search: LotterySearch) -> str:
        size = sum(math.prod(w.shape) for w in search.network.pruned)
        trials = f"{self._trials} trial{'s' if self._trials > 1 else ''}"
        return (
            f"{trials} of {search.levels + 1} levels: {size:,} prunable weights; "
            f"controls: {', '.join(self._controls) or 'none'}"
        )


def _known(controls: Iterable[str]) -> tuple[str, ...]:
    """The controls, each of which can be read."""
    found = tuple(arguments.listed("controls", controls, "names of controls"))
    for control in found:
        try:
            syntax.parse(control)
        except LotteryError as error:
            raise LotteryError(f"controls={shown(control)}: {error}") from None
    return found


def _sorted(levels: Iterable[int]) -> list[int]:
    given = arguments.listed("levels", levels, "a list of levels, such as [3, 7]")
    found = {count("levels", n, 0, "pruned levels", MOST_LEVELS) for n in given}
    if not found:
        raise LotteryError("levels=[]: name one or more, or leave it out.")
    return sorted(found)
