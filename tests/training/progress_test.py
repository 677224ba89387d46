"""Progress is one line on a terminal, and a line per finished run elsewhere."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lth_keras.compat import keras
from lth_keras.training.progress import Progress

ROW = {"density": 0.512, "early_stop_iteration": 1400, "test_accuracy": 0.98611}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at(job: Progress, seconds: float) -> None:
    """Lets the clock of a bar, which a test sets by hand, say so many seconds."""
    job._bar._time = lambda: job._bar.start_t + seconds


def test_elsewhere_only_finished_runs_are_told_in_a_line_each():
    stream = io.StringIO()
    job = Progress(runs=4, finished=0, levels=3, stream=stream)
    job.begin(0, "ticket", 0)
    job.advance(500, 2000, 0.25)
    at(job, 20.0)
    job.advance(2000, 2000, 1.0)
    job.finish(ROW)
    job.close()
    # A run took 20 seconds; three runs are left.
    assert stream.getvalue() == (
        " 25 %  ticket level 0/3  51.2 % of weights kept  stop at 1400  "
        "test accuracy 98.61 %  01:00 left\n"
    )


def test_a_terminal_has_one_line_that_is_written_over():
    stream = Terminal()
    job = Progress(runs=4, finished=1, levels=3, trials=2, stream=stream)
    job.begin(1, "random_reinit", 2)
    job.holds(0.512)
    at(job, 10.0)
    job.advance(500, 2000, 0.25)
    job.finish(ROW)
    job.close()
    run = "trial 2/2  random_reinit level 2/3"
    shown = stream.getvalue().split("\r")
    # A quarter of a run took 10 seconds; 2.75 runs are left.
    assert f" 31 %|###7        |  {run}  P_m 51.2 %  500/2000 iterations" in "".join(
        shown
    ).replace("\u2588", "#").replace("\u258a", "7")
    assert "01:50 left" in stream.getvalue()
    assert any(f"{run}  51.2 % of weights kept" in line for line in shown)
    assert "\n" not in stream.getvalue()
    assert shown[-1] == "" and not shown[-2].strip(), "the line is empty in the end"


def test_a_terminal_is_not_written_to_more_often_than_it_can_be_read():
    stream = Terminal()
    job = Progress(runs=1, finished=0, levels=0, stream=stream)
    before = stream.getvalue().count("\r")
    for step in range(1, 101):
        at(job, 100 + step / 1000)
        job.advance(step, 100, step / 100)
    assert stream.getvalue().count("\r") <= before + 3


def test_what_a_run_did_not_measure_is_left_out():
    stream = io.StringIO()
    job = Progress(runs=1, finished=0, levels=0, stream=stream)
    job.finish({"density": 1.0, "early_stop_iteration": None, "test_accuracy": None})
    line = "100 %  ticket level 0/0  100.0 % of weights kept  00:00 left\n"
    assert stream.getvalue() == line


@pytest.mark.parametrize("first", [0, 4])
def test_a_fit_reports_its_iterations_from_where_it_began(monkeypatch, first):
    job = Progress(runs=1, finished=0, levels=0, stream=io.StringIO())
    told = []
    monkeypatch.setattr(job, "advance", lambda *numbers: told.append(numbers))
    (callback,) = job.callbacks()
    callback.set_params({"steps": first + 4})
    for batch in range(first, first + 4, 2):
        callback.on_train_batch_begin(batch)
        callback.on_train_batch_end(batch + 1)
    expected = [(first + 2, first + 4, 0.5), (first + 4, first + 4, 1.0)]
    assert told == expected


def test_after_a_ticket_comes_the_next_level():
    stream = io.StringIO()
    job = Progress(runs=5, finished=1, levels=4, stream=stream)
    job.begin(0, "ticket", 1)
    job.finish(ROW)
    job.finish(ROW)
    job.begin(0, "random_reinit", 1)
    job.finish(ROW)
    shown = [line.split("  ")[1] for line in stream.getvalue().splitlines()]
    assert shown == ["ticket level 1/4", "ticket level 2/4", "random_reinit level 1/4"]


def test_a_run_of_several_epochs_is_one_run(monkeypatch):
    job = Progress(runs=1, finished=0, levels=0, stream=io.StringIO())
    told = []
    monkeypatch.setattr(job, "advance", lambda *numbers: told.append(numbers))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((2, 1), np.float32)
    callbacks = job.callbacks()
    for _ in range(2):  # The same callbacks see every run.
        model.fit(x, x, batch_size=1, epochs=2, verbose=0, callbacks=callbacks)
    assert told == [(n, 4, n / 4) for n in (1, 2, 3, 4)] * 2


def test_the_callback_is_one_that_fit_takes(monkeypatch):
    job = Progress(runs=1, finished=0, levels=0, stream=io.StringIO())
    told = []
    monkeypatch.setattr(job, "advance", lambda *numbers: told.append(numbers))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2)
    x = np.zeros((4, 1), np.float32)
    model.fit(x, x, batch_size=1, verbose=0, callbacks=job.callbacks())
    assert told == [(2, 4, 0.5), (4, 4, 1.0)]
