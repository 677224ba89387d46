"""What do the points and bars of a figure stand for, in the words of its caption?

    captions.about([rows], "Points", "bars")  # "Points are means over trials; ..."

A caption speaks of means over trials only where there are several trials.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lth_keras.runs import summaries
from lth_keras.runs.shown_metric import Metric

HOLLOW = (
    "Hollow points lie too low: the minimum of validation loss was at the last "
    "evaluation."
)


def about(
    searches: Iterable[Sequence[Mapping[str, Any]]],
    points: str,
    ends: str,
    metric: Metric | None = None,
) -> str:
    """One sentence on what is drawn of several runs; of single runs it says so.

    Args:
        searches: the result rows of each search.
        points: what a mean is in the figure: "Points".
        ends: what minimum and maximum are in the figure: "bars".
        metric: what is shown of the test data.
    """
    counts = {
        found for rows in searches for found in summaries.counts(_columns(rows, metric))
    }
    if all(runs == 1 for _, runs in counts):
        return f"{points} are single runs."
    if all(trials == 1 for trials, _ in counts):
        means = "means over the replicates of a control in the one trial"
    elif summaries.has_replicates(counts):
        means = "means over trials, of replicates within each trial first"
    else:
        means = "means over trials"
    return f"{points} are {means}; {ends} are the minimum and maximum over all runs."


def any_hollow(searches: Iterable[Sequence[Mapping[str, Any]]]) -> bool:
    """Whether an early-stopping iteration of some search is a lower bound."""
    return any(summaries.any_censored(_columns(rows, None)) for rows in searches)


def _columns(
    rows: Sequence[Mapping[str, Any]], metric: Metric | None
) -> list[summaries.Column]:
    return summaries.columns_of(summaries.summarise(rows, metric))
