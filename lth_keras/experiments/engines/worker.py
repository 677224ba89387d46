"""What one of several worker processes does: as it is told, with a single thread.

TensorFlow is imported when the process has begun, so that it does so without a word.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from typing import Any

from lth_keras.errors import LotteryError
from lth_keras.experiments import quiet
from lth_keras.experiments.engines import threads
from lth_keras.runs import layout


def work(connection: Any, packed: bytes, levels: int | None, root: str) -> None:
    """Carries out the tasks that arrive, until the other end is closed.

    Messages go back as ("result", row) for each new result line, ("done", None) at a
    task's end, ("diverged", message) at that of a control that did, and ("refused",
    message) or ("failed", traceback), after which the process ends.

    Args:
        connection: the worker's end of a pipe.
        packed: the function that makes a search, as `Trials.packed` has it.
        levels: the last level of every search.
        root: directory of the job.
    """
    # Ctrl-C reaches every process of the terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with quiet.quiet_import():
            from lth_keras.experiments import sending
            from lth_keras.experiments.trials import Trials
    except BaseException:
        connection.send(("failed", traceback.format_exc()))
        return
    try:
        threads.use_one_thread()
        directory = layout.ExperimentDirectory(root)
        trials = Trials(sending.unpack(packed), levels)
        while True:
            task = connection.recv()
            diverged = trials.carry_out(
                task,
                directory.trial(task.trial).root,
                lambda row: connection.send(("result", row)),
            )
            connection.send(("diverged", diverged) if diverged else ("done", None))
    except LotteryError as error:
        connection.send(("refused", str(error)))
    except (EOFError, BrokenPipeError):
        return  # The other end is closed: nothing is left to do.
    except BaseException:
        connection.send(("failed", traceback.format_exc()))


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
