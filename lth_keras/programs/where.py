"""What the flags say of where the runs of a job are carried out.

No result depends on it, so they are not stored with the search, and may be others when
it goes on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from absl import flags

from lth_keras.experiments import engines
from lth_keras.experiments.engines.registry import AnyEngine
from lth_keras.programs.command_line import FlagError
from lth_keras.programs.options import Options

# Of the flags of `job_flags`, those that are read here.
NAMES = ("engine", "ray_address", "gpus_per_run", "memory_per_run", "only_trial")
_OF_RAY = NAMES[1:4]
_LOCAL = "local"


@dataclasses.dataclass(frozen=True)
class Where:
    """Where the runs are carried out.

    Attributes:
        engine: as `Experiment.run` takes it.
        workers: number of runs at a time; None for the one that the search has stored,
            or, on a cluster, as many as it has room for.
        only_trial: the one trial that this process carries out; None for all.
    """

    engine: AnyEngine = _LOCAL
    workers: int | None = None
    only_trial: int | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether no run is carried out in this process."""
        return engines.get(self.engine).elsewhere

    def stored_by(self, options: Options) -> Options:
        """The flags to store: 0 workers stand for this process's many threads."""
        if self.elsewhere and not options.workers:
            return dataclasses.replace(options, workers=1)
        return options

    def trials(self, every: Sequence[int]) -> Sequence[int]:
        """The trials that this process carries out.

        Args:
            every: those of the job.

        Raises:
            FlagError: the one that was named is none of them.
        """
        if self.only_trial is None:
            return every
        if self.only_trial not in every:
            raise FlagError(
                f"--only_trial={self.only_trial}: the trials are "
                f"{', '.join(map(str, every[:3]))}{' ...' if len(every) > 3 else ''}: "
                "name one of them"
            )
        return [self.only_trial]

    def workers_of(self, options: Options) -> int:
        """Number of runs at a time."""
        if self.workers is not None:
            return self.workers
        return 0 if self.elsewhere else options.workers


def read(known: flags.FlagValues, workers: int | None) -> Where:
    """Where the runs are carried out, as flags say that have been parsed.

    Args:
        known: the flags.
        workers: of --workers.

    Raises:
        FlagError: a flag of Ray is given without it.
        LotteryError: Ray is not installed.
    """
    given = [name for name in _OF_RAY if known[name].present]
    if known["engine"].value == _LOCAL:
        if given:
            raise FlagError(f"--{given[0]} goes with --engine=ray: leave it out")
        return Where(_LOCAL, workers, known["only_trial"].value)
    engine = engines.Ray(
        known["ray_address"].value,
        known["gpus_per_run"].value,
        round(known["memory_per_run"].value * 2**30) or None,
    )
    engine.require()
    return Where(engine, workers, known["only_trial"].value)
