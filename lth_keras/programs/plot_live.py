"""The live page of lth-plot --serve: searches that are still training, as they are."""

from __future__ import annotations

import hashlib

from lth_keras.errors import LotteryError
from lth_keras.programs import plot_compared, plotting
from lth_keras.programs.plot_flags import Request
from lth_keras.reporting import live
from lth_keras.reporting import page as html_report
from lth_keras.runs import layout
from lth_keras.storage import paths

# What is drawn in a moment; lth-plot without --serve has all.
_KINDS = ("density", "curves")


def run(request: Request) -> None:
    """Serves the page until Ctrl-C, and prints its address.

    Raises:
        LotteryError: a directory is not there, or the port is taken.
    """
    for directory in request.run_dirs:
        if not paths.exists(directory):
            raise LotteryError(f"there is no directory {directory}")
    with live.server(
        lambda: state(request), lambda at: page(request, at), request.port
    ) as server:
        print(f"http://{live.HOST}:{server.server_port}/ until Ctrl-C", flush=True)
        server.serve_forever()


def state(request: Request) -> str:
    """A text that is another when a run of the searches has finished since."""
    found = []
    for directory in request.run_dirs:
        experiment = layout.ExperimentDirectory(directory)
        searches = [layout.RunDirectory(directory)]
        searches += [experiment.trial(trial) for trial in experiment.trials()]
        for search in searches:
            places = [search.level(level) for level in search.levels()]
            places += [search.control(*key) for key in search.controls()]
            found += [each.result for each in places if paths.exists(each.result)]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


def page(request: Request, at: str) -> str:
    """The page of the present state, or one that says what it waits for.

    Args:
        request: what is drawn.
        at: the state.
    """
    try:
        runs = plotting.named(request)
        title = plotting.title_of(runs)
        pictures = []
        for kind in request.kinds or _KINDS:
            try:
                found = plotting.figures(kind, runs, request, title)
            except LotteryError as error:
                if isinstance(error.__cause__, ImportError):
                    raise
                continue  # Of a search that has just begun.
            pictures += [picture for _, picture, _ in found]
        metric, told = request.monitor_metric, None
        if request.compare:
            told, _ = plot_compared.compared(runs, metric)
        return html_report.page(runs, pictures, title, metric, at, told)
    except LotteryError as error:
        return html_report.waiting(str(error), live=at)
