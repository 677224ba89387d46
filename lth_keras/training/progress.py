"""How far many training runs are: one bar, kept up to date, with level, P_m, time left.

tqdm draws it, on a terminal and in a notebook. Elsewhere (a file, a pipe) there is one
line for each finished run, so that a log stays short.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from tqdm import auto

from lth_keras import compat
from lth_keras.masking.network import Network
from lth_keras.runs import shown_metric, tables
from lth_keras.runs.rows import is_censored
from lth_keras.runs.summaries import TICKET, label
from lth_keras.runs.wording import left_dense, percent_kept

_LINE = "{percentage:3.0f} %  {desc}  {remaining} left"
_BAR = "{percentage:3.0f} %|{bar:12}|  {desc}  {remaining} left"


class _Bar(auto.tqdm):
    """tqdm without its thread, which would outlive what it watches."""

    monitor_interval = 0


class Progress:
    """Follows the runs of a search or a job through their Keras callbacks.

    Args:
        runs: training runs of the whole.
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
        self._finished, self._levels, self._trials = finished, levels, trials
        self._stream = sys.stdout if stream is None else stream
        self._drawn = self._stream.isatty() or (stream is None and _in_notebook())
        self._trial, self._kind, self._level = 0, TICKET, 0
        self._fraction = 0.0
        self._density: float | None = None
        self._bar = _Bar(
            total=runs,
            initial=finished,
            # What is no bar is written by the run alone.
            file=self._stream if self._drawn else io.StringIO(),
            bar_format=_BAR if self._drawn else _LINE,
            dynamic_ncols=True,
            leave=False,
        )

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
        if self._drawn:
            text = f"{step}/{steps} iterations"
            if self._density is not None:
                text = f"P_m {percent_kept(self._density)} %  {text}"
            self._bar.set_description_str(self._said(text), refresh=False)
        self._bar.update(self._finished + fraction - self._bar.n)

    def finish(self, row: Mapping[str, Any]) -> None:
        """A run is stored with this result line."""
        if "trial" in row:  # Several processes may have runs at a time.
            self.begin(row["trial"], label(row), row["level"])
        self._finished, self._fraction = self._finished + 1, 0.0
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
        self._show(text)
        self._level += self._kind == TICKET

    def finish_line(self, told: Mapping[str, Any]) -> None:
        """The error along a line between two runs is stored."""
        self.begin(told["trial"], told["line"], told["level"])
        self._finished += 1
        self._show(f"instability {told['instability']:.2f}{told['unit']}")

    def tell(self, text: str) -> None:
        """Shows a line that is no run's, above the bar."""
        if self._drawn:
            self._bar.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()
        if self._drawn:
            self._bar.refresh()

    def close(self) -> None:
        """Leaves the terminal at the beginning of an empty line."""
        self._bar.close()

    def _show(self, text: str) -> None:
        self._bar.update(self._finished + self._fraction - self._bar.n)
        self._bar.set_description_str(self._said(text), refresh=self._drawn)
        if not self._drawn:
            self._stream.write(f"{self._bar}\n")
            self._stream.flush()

    def _said(self, text: str) -> str:
        parts = [f"{self._kind} level {self._level}/{self._levels}", text]
        if self._trials > 1:
            parts.insert(0, f"trial {self._trial + 1}/{self._trials}")
        return "  ".join(parts)


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


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules
