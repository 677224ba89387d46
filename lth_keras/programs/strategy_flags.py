"""The flags of a search that say on how many devices each run is trained.

Nothing here imports TensorFlow; `strategies` makes what they ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lth_keras.programs.command_line import FlagError
from lth_keras.programs.job_flags import Flag
from lth_keras.programs.values import Value, whole

NONE, MIRRORED, MULTIWORKER, TPU = "none", "mirrored", "multiworker", "tpu"
STRATEGIES = (NONE, MIRRORED, MULTIWORKER, TPU)
_MOST_DEVICES = 1024


def define(flag: Flag) -> None:
    """Defines them.

    Args:
        flag: defines one.
    """
    flag(
        "strategy",
        NONE,
        Value(
            str,
            lambda name: name in STRATEGIES,
            f"use one of {', '.join(STRATEGIES)}; parameter servers update weights out "
            "of step, and masks and results would not be the same twice",
        ),
        "How a run is trained on several devices, which share each batch: mirrored, on "
        "those of this machine; multiworker, by several processes in one OUTPUT_DIR, "
        "each started with these flags and its own TF_CONFIG; tpu, on the one that "
        "TPU_NAME names, or this machine's.",
    )
    flag(
        "devices",
        None,
        whole(1, _MOST_DEVICES),
        "Number of devices for --strategy=mirrored: GPUs, or parts of the CPU where "
        "there is no GPU. Default: all GPUs.",
    )


def check(given: Mapping[str, Any]) -> None:
    """Refuses flags that do not go with a strategy.

    Args:
        given: every flag by name.

    Raises:
        FlagError: names them.
    """
    strategy = given["strategy"]
    if given["devices"] is not None and strategy != MIRRORED:
        raise FlagError(
            f"--devices={given['devices']} is for --strategy={MIRRORED}, not "
            f"{strategy}: leave it out"
        )
    if strategy == NONE:
        return
    if given["keras"] != "tf_keras":
        raise FlagError(
            f"--strategy={strategy} is of tf.distribute, with which Keras 3 does not "
            "train here: leave it out, or --keras=tf_keras"
        )
    if strategy == MULTIWORKER and given["export"] == "on":
        raise FlagError(
            "--export=on is done by one process: run lth-export when the search is "
            "finished"
        )
    if given["workers"]:
        raise FlagError(
            f"--workers={given['workers']}: runs side by side have one device each, "
            f"and --strategy={strategy} gives one run all of them: leave one of the "
            "two out"
        )
