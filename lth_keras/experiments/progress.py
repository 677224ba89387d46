"""How far a job of many training runs is: on a terminal one line, kept up to date.

Elsewhere (a file, a pipe) one line for each finished run, so that a log stays short.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from lth_keras import compat
from lth_keras.masking.network import Network
from lth_keras.runs import shown_metric, tables
from lth_keras.runs.rows import is_censored
from lth_keras.runs.summaries import TICKET, label
from lth_keras.runs.wording import left_dense, percent_kept

_REFRESH = 0.1  # seconds


class Progress:
    """Follows the runs of a job through their Keras callbacks.

    Args:
        runs: training runs of the whole job.
        finished: how many of them were stored before.
        levels: the last level of each search, to show.
        trials: searches of the job; the trial's number is shown if there are several.
        stream: where to write; the standard output by default.
    """

    def __init__(
        self,
        runs: int,
        finished: int,
        levels: int,
        trials: int = 1,
        stream: TextIO | None = None,
    ):
        self._runs, self._finished = runs, finished
        self._levels, self._trials = levels, trials
        self._stream = sys.stdout if stream is None else stream
        self._terminal = self._stream.isatty()
        self._trial, self._kind, self._level = 0, TICKET, 0
        self._fraction = 0.0
        self._density: float | None = None
        # Set at the end of the first execution, whose time is mostly compilation.
        self._clock: tuple[float, float] | None = None
        self._shown = 0.0

    def begin(self, trial: int, kind: str, level: int) -> None:
        """Says what the next run is: "ticket", or a control's name, and its level.

        After a ticket comes that of the next level, without a word.
        """
        self._trial, self._kind, self._level = trial, kind, level
        self._fraction, self._density = 0.0, None

    def holds(self, density: float) -> None:
        """The run that begins has this P_m."""
        self._density = density

    def callbacks(self, model: Any = None) -> list[Any]:
        """The Keras callbacks that follow every run, for `LotterySearch.fit`.

        Args:
            model: whose runs they are; None for any of tf_keras.
        """
        return [compat.trainer_of(model).callback(_Steps)(self)]

    def advance(self, step: int, steps: int, fraction: float) -> None:
        """A run is at iteration `step` of `steps`, having done `fraction` of it."""
        self._fraction = fraction
        now = time.monotonic()
        if self._clock is None:
            self._clock = now, self._done()
        if self._terminal and now - self._shown >= _REFRESH:
            self._shown = now
            text = f"{step}/{steps} iterations"
            if self._density is not None:
                text = f"P_m {percent_kept(self._density)} %  {text}"
            self._show(text)

    def finish(self, row: Mapping[str, Any]) -> None:
        """A run is stored with this result line."""
        if "trial" in row:  # Several processes may have runs at a time.
            self.begin(row["trial"], label(row), row["level"])
        self._finished, self._fraction = self._finished + 1, 0.0
        if self._clock is None:
            self._clock = time.monotonic(), self._done()
        text = f"{percent_kept(row['density'])} % of weights kept"
        if share := row.get("dense_share"):
            text += f" ({left_dense(share)})"
        if row["early_stop_iteration"] is not None:
            least = tables.AT_LEAST if is_censored(row) else ""
            text += f"  stop at {least}{row['early_stop_iteration']}"
        metric = shown_metric.of_rows([row])
        if (value := metric.final(row)) is not None:
            percent = " %" if metric.is_accuracy else ""
            text += f"  {metric.said} {metric.text(value)}{percent}"
        self._shown = time.monotonic()
        self._show(text)
        self._level += self._kind == TICKET

    def finish_line(self, told: Mapping[str, Any]) -> None:
        """The error along a line between two runs is stored."""
        self.begin(told["trial"], told["line"], told["level"])
        self._finished += 1
        self._shown = time.monotonic()
        self._show(f"instability {told['instability']:.2f}{told['unit']}")

    def close(self) -> None:
        """Leaves the terminal at the beginning of an empty line."""
        if self._terminal and self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    @property
    def time_left(self) -> float | None:
        """Seconds until the job is done at the speed so far; None at the start."""
        if self._clock is None:
            return None
        began, before = self._clock
        done = self._done() - before
        if done <= 0:
            return None
        return (time.monotonic() - began) / done * (self._runs - self._done())

    def _done(self) -> float:
        return self._finished + self._fraction

    def _show(self, text: str) -> None:
        parts = [f"{100 * self._done() / self._runs:3.0f} %"]
        if self._trials > 1:
            parts.append(f"trial {self._trial + 1}/{self._trials}")
        parts += [f"{self._kind} level {self._level}/{self._levels}", text]
        if (left := self.time_left) is not None:
            parts.append(f"{clock(left)} left")
        line = "  ".join(parts)
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            line = f"\r{line[:width]}\x1b[K"
        else:
            line += "\n"
        self._stream.write(line)
        self._stream.flush()


class _Steps:
    """Reports the training steps of each `fit` to a `Progress`."""

    model: Any
    params: Any

    def __init__(self, progress: Progress):
        super().__init__()
        self._progress = progress
        self._epoch = 0
        self._first: int | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._epoch, self._first = 0, None
        if getattr(self.model, "built", False):
            network = Network.of(self.model)
            if network.pruned:
                self._progress.holds(network.density)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._first is None:
            self._first = self._step(batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # Keras may know only after an epoch how long one is.
        if self.params["steps"] is None:
            return
        # A level that is rewound to a later step begins there.
        first, step = self._first or 0, self._step(batch) + 1
        steps = self.params["steps"] * self.params.get("epochs", 1)
        self._progress.advance(step, steps, (step - first) / max(1, steps - first))

    def _step(self, batch: int) -> int:
        return self._epoch * (self.params["steps"] or 0) + batch


def clock(seconds: float) -> str:
    """Seconds as "1:05", or "2:03:05" with hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
