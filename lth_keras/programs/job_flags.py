"""The flags of a search that say how a job is carried out, and what is shown of it.

Those of network, training and pruning are in `flags`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from absl import flags

from lth_keras.arguments import MOST_RUNS, MOST_WORKERS
from lth_keras.programs.values import TEXT, Value, one_of, real, split, whole
from lth_keras.runs.trained import KEEP

# Defines a flag by its name, default, parser and help.
Flag = Callable[[str, Any, flags.ArgumentParser, str], None]
_GPUS = "use 0 to 1, or a whole number up to 1024"


def define(flag: Flag) -> None:
    """Defines them.

    Args:
        flag: defines one.
    """
    flag(
        "trials",
        1,
        whole(1, MOST_RUNS),
        "Number of whole searches, each with its own initial weights and data order. "
        "The paper: 5.",
    )
    flag(
        "controls",
        "random_reinit",
        Value(_names, lambda names: "" not in names, "use names with commas, or none"),
        "Runs to compare the tickets with, with commas between them, or none: names "
        "such as random_reinit, with settings of their own as in noise:sigma=0.5, or "
        "several joined by +, as in one_shot+random_reinit.",
    )
    flag(
        "replicates",
        1,
        whole(1, MOST_RUNS),
        "Runs of each control per level, each with a seed of its own (the paper: 3 "
        "random reinitialisations).",
    )
    flag(
        "evaluate_every",
        100,
        whole(1),
        "Iterations between two evaluations on the validation and test data.",
    )
    flag(
        "monitor_metric",
        "accuracy",
        one_of(("accuracy", "loss")),
        "Metric of the test data that the table and the figure show: accuracy or "
        "loss. Result lines hold both.",
    )
    flag(
        "seed",
        0,
        whole(0, 2**31 - 1),
        "Seed of the data split, the first trial's initial weights and data order.",
    )
    flag(
        "workers",
        0,
        whole(0, MOST_WORKERS),
        "Number of runs at a time, each in a process of its own with one thread, so "
        "that any number of workers gives the same results; 0: in this process, with "
        "all of TensorFlow's threads.",
    )
    _define_engine(flag)
    flag(
        "export",
        "off",
        one_of(("on", "off")),
        "Whether the sparsest ticket that is as accurate as the dense network, within "
        "0.1 points at the end of training, is exported to OUTPUT_DIR/export as a "
        "packed SavedModel; lth-export (examples/export_ticket.py) does more.",
    )
    flag(
        "keep_trained",
        "all",
        one_of(KEEP),
        "Which trained weights are kept: all, or needed, those of level 0 and of the "
        "last finished level. Tickets and results are kept in any case; exports, "
        "analyses and some controls need all.",
    )
    flag(
        "output_dir",
        None,
        TEXT,
        "Directory of everything the search stores, local or gs://; the same command "
        "goes on with what is there. Default: runs/<dataset>_<model>.",
    )


def _define_engine(flag: Flag) -> None:
    flag(
        "engine",
        "local",
        one_of(("local", "ray")),
        "Where the runs are carried out: local, or on a cluster of Ray (ray), whose "
        "nodes share OUTPUT_DIR; --workers=0 is then as many at a time as it has room "
        "for.",
    )
    flag(
        "ray_address",
        "auto",
        TEXT,
        "The cluster: auto for the one that this machine is a node of, HOST:PORT of "
        "its head, or local for one that is begun here and ends with the program.",
    )
    flag(
        "gpus_per_run",
        0.0,
        real(lambda n: 0 <= n <= 1 or (n <= 1024 and n == round(n)), _GPUS),
        "GPUs that Ray gives each run; of 0.5 two share one.",
    )
    flag(
        "memory_per_run",
        0.0,
        real(lambda n: 0 <= n <= 2**20, "use a number of GiB, 0 for any"),
        "GiB of memory that Ray gives each run; 0: runs are not counted by it.",
    )
    flag(
        "only_trial",
        None,
        whole(0, MOST_RUNS - 1),
        "The one trial of --trials, from 0, that this process carries out, beside "
        "others with other numbers in the same OUTPUT_DIR, as in an array of SLURM.",
    )


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(split(text)))
    return () if names == ("none",) else names
