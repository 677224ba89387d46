"""The model card of a ticket, from its manifest and what its search measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lth_keras.errors import LotteryError, shown
from lth_keras.runs import shown_metric, summaries, wording
from lth_keras.tickets.content import TicketContent

_DATA_SET = re.compile("[A-Za-z0-9][A-Za-z0-9_./-]{0,95}")
# Settings of a search that say how the ticket was found.
_SETTINGS = ("criterion", "granularity", "scope", "rewind_to", "levels", "epochs")


def card(
    ticket: TicketContent,
    repo_id: str,
    dataset: str | None,
    rows: Sequence[Mapping[str, Any]],
) -> str:
    """The card as Markdown, with the fields that hubs read in front.

    Args:
        ticket: what is shared.
        repo_id: where it will be.
        dataset: what it was found on, by its name on the hub; None to leave it out.
        rows: result lines of tickets of this level, one for each trial; may be none.

    Raises:
        LotteryError: the data set's name is none.
    """
    front = ["library_name: lth_keras", "tags:", "- lottery-ticket", "- pruning"]
    if dataset is not None:
        if not isinstance(dataset, str) or not _DATA_SET.fullmatch(dataset):
            raise LotteryError(
                f"dataset={shown(dataset)}: give the name of a data set, such as "
                "'mnist'."
            )
        front += ["datasets:", f"- {dataset}"]
    sizes = [int(mask.size) for _, mask in ticket.pruned()]
    facts = {
        "data set": dataset or "not told",
        "weights kept": f"{wording.percent_kept(ticket.density)} % of {sum(sizes):,}",
        "pruning rounds": str(ticket.level),
        "weights of step": str(ticket.step),
        "seed": "not told" if ticket.seed is None else str(ticket.seed),
        **_measured(rows),
        "fingerprint": f"`{ticket.fingerprint}`",
        "parent": "none" if ticket.parent is None else f"`{ticket.parent}`",
        **{
            name: f"`{_one_line(ticket.settings[name])}`"
            for name in _SETTINGS
            if name in ticket.settings
        },
    }
    layers = [
        f"| `{_one_line(path)}` | {wording.percent_kept(density)} |"
        for path, density in ticket.densities.items()
    ]
    return "\n".join(
        [
            "---",
            *front,
            "---",
            "# A lottery ticket",
            "",
            "A mask and the weights to start training from "
            "([arXiv 1803.03635](https://arxiv.org/abs/1803.03635)), not a trained "
            "network. Pruned weights are exact zeros.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in facts.items()),
            "",
            "| weight | kept (%) |",
            "|---|---:|",
            *layers,
            "",
            "```python",
            "import lth_keras as lth",
            "",
            f'ticket = lth.hub.pull("{repo_id}")',
            "ticket.apply(model)          # one of the same layers",
            "```",
            "",
        ]
    )


def _measured(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if not rows:
        return {}
    metric = shown_metric.of_rows(rows)
    (found,) = summaries.summarise(rows, metric)
    statistic = found.metrics["test_accuracy"]
    if statistic is None:
        return {}
    percent = " %" if metric.is_accuracy else ""
    text = f"{metric.text(statistic.mean)}{percent}"
    if statistic.samples > 1:
        ends = map(metric.text, (statistic.minimum, statistic.maximum))
        text += f" ({'-'.join(ends)}, {statistic.samples} trials)"
    return {f"{metric.said} when trained": text}


def _one_line(value: Any) -> str:
    return re.sub(r"[|`\x00-\x1f\x7f]", " ", str(value))[:100]
