"""Every file name of a run directory, and of an experiment's several.

Nothing here reads or writes a file; the lists of levels, trials and controls come from
the names of directories alone.
"""

from __future__ import annotations

import dataclasses
import re

from lth_keras import arguments
from lth_keras.errors import LotteryError
from lth_keras.storage import locks, paths

# A control with its parameters, as the name of a directory; in values %2F is a slash.
CONTROL = r"[A-Za-z0-9](?:[A-Za-z0-9_.=+,~-]|%[0-9A-F]{2})*"
# Names as they are written here and no others of the same number, as level003 is.
_LEVEL = "level([0-9]{2}|[1-9][0-9]{2,5})"
_REPLICATE = "-r(0|[1-9][0-9]{0,5})"
_TRIAL = "trial(0|[1-9][0-9]{0,5})"


@dataclasses.dataclass(frozen=True)
class LevelDirectory:
    """The files of one finished or running training run.

    Attributes:
        root: path of the directory, such as ``runs/mnist/level03``.
        level: the level that its name says, None where nobody asked by the level.
        control: "ticket" for a level of the search, else the control with its
            parameters.
        replicate: number of the control's repetition.
    """

    root: str
    level: int | None = None
    control: str = "ticket"
    replicate: int = 0

    @property
    def ticket(self) -> str:
        """Directory of the ticket that the run started from."""
        return paths.join(self.root, "ticket")

    @property
    def rewind(self) -> str:
        """Directory of the ticket of theta_k, captured while level 0 trained."""
        return paths.join(self.root, "rewind")

    @property
    def trained(self) -> str:
        """Directory of the arrays that the run ended with."""
        return paths.join(self.root, "trained")

    @property
    def trained_weights(self) -> str:
        """Arrays file of the weights that the run ended with."""
        return paths.join(self.trained, "weights.npz")

    @property
    def trained_manifest(self) -> str:
        """JSON file of their SHA-256; runs of earlier versions have none."""
        return paths.join(self.trained, "manifest.json")

    @property
    def curve(self) -> str:
        """JSON file of the metrics over the training iterations."""
        return paths.join(self.root, "curve.json")

    @property
    def result(self) -> str:
        """JSON file of the run's result row; its presence says the run is finished."""
        return paths.join(self.root, "result.json")


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """The files of one search: one trial, every level, and its controls.

    Attributes:
        root: path of the directory, such as ``runs/mnist`` or ``gs://bucket/mnist``.
    """

    root: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", paths.as_path(self.root))

    @property
    def manifest(self) -> str:
        """JSON file of the settings that the search was started with."""
        return paths.join(self.root, "search.json")

    @property
    def lock(self) -> str:
        """File that the one process working in the directory holds."""
        return locks.lock_file(self.root)

    @property
    def results(self) -> str:
        """JSON lines, one result row per finished training run."""
        return paths.join(self.root, "results.jsonl")

    @property
    def trial_number(self) -> int | None:
        """The trial that the directory is of by its name; None if of none."""
        found = re.fullmatch(_TRIAL, paths.split(self.root)[1])
        return int(found[1]) if found else None

    @property
    def experiment(self) -> ExperimentDirectory:
        """The directory around this one: an experiment's, if this is a trial's."""
        return ExperimentDirectory(paths.split(self.root)[0])

    def level(self, level: int) -> LevelDirectory:
        """The directory of a level: ``level03``, and ``level100`` beyond 99."""
        number = _count("level", level)
        return LevelDirectory(paths.join(self.root, f"level{number:02d}"), number)

    def levels(self) -> list[int]:
        """The levels that have a directory, finished or not, in ascending order."""
        return sorted(int(m[1]) for m in _matches(_LEVEL, self.root))

    def control(self, name: str, level: int, replicate: int = 0) -> LevelDirectory:
        """The directory of one control run: ``controls/random_reinit/level03-r0``.

        Args:
            name: the control's name, parameters included: letters, digits and any of
                ``_ . = + , -``, beginning with a letter or a digit; anything else as
                in addresses, ``%2F`` for a slash.
            level: the level whose density the control has.
            replicate: number of the repetition, from 0.

        Raises:
            LotteryError: if the name cannot be the name of a directory.
        """
        if not re.fullmatch(CONTROL, name):
            raise LotteryError(
                f"control name {name!r} cannot name a directory: use letters, digits "
                "and any of _ . = + , - and begin with a letter or a digit"
            )
        number, again = _count("level", level), _count("replicate", replicate)
        root = paths.join(self.root, "controls", name, f"level{number:02d}-r{again}")
        return LevelDirectory(root, number, name, again)

    @property
    def chain(self) -> str:
        """Directory of what continued training (strategy 2) found, level by level."""
        return paths.join(self.root, "continued")

    def replay(self, step: int) -> str:
        """Directory of the dense ticket of a step that level 0 did not store."""
        return paths.join(self.root, "replays", f"step{_count('step', step)}")

    @property
    def line_root(self) -> str:
        """Directory of the lines between networks that were trained from one start."""
        return paths.join(self.root, "stability")

    def line(self, name: str, level: int, first: int, second: int) -> str:
        """Directory of the line between two replicates of a control.

        ``stability/weight_rewind,step=0it/level07-r0-r1``.

        Args:
            name: the control's name, as `control` takes it.
            level: the level whose density they have.
            first: number of the replicate that it begins at.
            second: number of the one that it ends at.
        """
        place = self.control(name, level, first)
        leaf = f"level{level:02d}-r{place.replicate}-r{_count('replicate', second)}"
        return paths.join(self.line_root, name, leaf)

    def lines(self) -> list[tuple[str, int, int, int]]:
        """(name, level, first, second) of every line with a directory, sorted."""
        top = self.line_root
        return sorted(
            (name[0], int(found[1]), int(found[2]), int(found[3]))
            for name in _matches(CONTROL, top)
            for found in _matches(
                _LEVEL + _REPLICATE + _REPLICATE, paths.join(top, name[0])
            )
        )

    def controls(self) -> list[tuple[str, int, int]]:
        """(name, level, replicate) of every control run with a directory, sorted."""
        top = paths.join(self.root, "controls")
        return sorted(
            (name[0], int(found[1]), int(found[2]))
            for name in _matches(CONTROL, top)
            for found in _matches(_LEVEL + _REPLICATE, paths.join(top, name[0]))
        )


@dataclasses.dataclass(frozen=True)
class ExperimentDirectory:
    """The output directory of an example program: several trials and their report.

    Attributes:
        root: path of the directory, the program's ``--output_dir``.
    """

    root: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", paths.as_path(self.root))

    @property
    def settings(self) -> str:
        """JSON file of the flags that the program was started with."""
        return paths.join(self.root, "settings.json")

    @property
    def results(self) -> str:
        """JSON lines, one result row per finished training run of every trial."""
        return paths.join(self.root, "results.jsonl")

    @property
    def figure(self) -> str:
        """The figure drawn from the results."""
        return paths.join(self.root, "figure.png")

    @property
    def job_root(self) -> str:
        """Directory of what processes hold that carry out a trial each."""
        return paths.join(self.root, "jobs")

    def job(self, trial: int) -> str:
        """What a process holds that carries out this trial alone: ``jobs/trial0``."""
        return paths.join(self.job_root, f"trial{_count('trial', trial)}")

    def jobs(self) -> list[int]:
        """The trials that processes of their own have carried out, or do."""
        return sorted(int(found[1]) for found in _matches(_TRIAL, self.job_root))

    def trial(self, trial: int) -> RunDirectory:
        """The search directory of a trial: ``trial0``."""
        return RunDirectory(paths.join(self.root, f"trial{_count('trial', trial)}"))

    def trials(self) -> list[int]:
        """The trials that have a directory, in ascending order."""
        return sorted(int(found[1]) for found in _matches(_TRIAL, self.root))


def _count(what: str, number: int) -> int:
    return arguments.count(what, number, 0, f"the number of a {what}")


def _matches(pattern: str, directory: str) -> list[re.Match[str]]:
    """Full matches of a pattern among the names in a directory."""
    found = (re.fullmatch(pattern, name) for name in paths.list_directory(directory))
    return [match for match in found if match]
