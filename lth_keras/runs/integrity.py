"""Is a stored run whole, and nothing but files in directories of its own?"""

from __future__ import annotations

import os
import re
import stat

from lth_keras.errors import LotteryError
from lth_keras.runs import layout, level_tickets, repair, result_files, trained
from lth_keras.storage import opening, paths, sharing
from lth_keras.tickets import files as ticket_files
from lth_keras.tickets.content import TicketContent

# What a search or a job reads and writes; everything else in a directory is its user's.
_OURS = re.compile(
    r"level[0-9]{2,}|trial[0-9]+|controls|continued|jobs|replays|stability|search\.json"
    r"|settings\.json|results\.jsonl|lock"
)


@sharing.by_chief
def check_kinds(root: paths.PathLike) -> None:
    """Refuses links and everything else that would lead out of a directory.

    Written through a link, a file would be somebody else's; and a pipe or a device has
    no end. The directory itself may be a link: its user named it. What a killed run
    left unfinished is removed, not read.

    Args:
        root: the directory of a search or of a job; it need not exist.

    Raises:
        LotteryError: names what is neither a file nor a directory.
    """
    root = paths.as_path(root)
    if paths.is_remote(root) or not os.path.isdir(root):
        return
    waiting = [root]
    with paths.errors_naming(root, "read"):
        while waiting:
            place = waiting.pop()
            with os.scandir(place) as found:
                for entry in found:
                    if _is_no_business(entry.name, top=place == root):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif not entry.is_file(follow_symlinks=False):
                        mode = entry.stat(follow_symlinks=False).st_mode
                        raise _leads_out(entry.path, mode)


@sharing.by_chief
def check_search(directory: layout.RunDirectory) -> None:
    """Reads everything that the finished runs of a search have stored.

    Args:
        directory: of the search: its levels and its controls.

    Raises:
        LotteryError: a file is missing, damaged or another run's; says what to remove.
    """
    places = [directory.level(level) for level in directory.levels()]
    places += [directory.control(*key) for key in directory.controls()]
    for place in places:
        if paths.exists(place.result):
            check_run(directory, place)


@sharing.by_chief
def check_run(directory: layout.RunDirectory, place: layout.LevelDirectory) -> None:
    """Reads everything that a finished run has stored, and keeps nothing.

    Args:
        directory: of the search.
        place: of the run, a level or a control.

    Raises:
        LotteryError: a file is missing, damaged or another run's; says what to remove.
    """
    row = result_files.row(place)
    result_files.curve(place)
    if not trained.is_discarded(place):
        trained.read(place)
    if place.control == "ticket" and place.level is not None:
        ticket = level_tickets.read(directory, place.level, TicketContent)
        if place.level == 0:
            level_tickets.rewound(directory, TicketContent)
    else:
        with repair.advised(place.root):
            ticket = ticket_files.load(place.ticket, TicketContent)
    if abs(row["density"] - ticket.density) > 1e-6:
        with repair.advised(place.root):
            raise LotteryError(
                f"{place.result} has density {row['density']:.6g}, its ticket "
                f"{ticket.density:.6g}"
            )


def _is_no_business(name: str, top: bool) -> bool:
    return name.startswith(paths.TEMPORARY_PREFIX) or (
        top and not _OURS.fullmatch(name)
    )


def _leads_out(path: str, mode: int) -> LotteryError:
    kind = "a file" if stat.S_ISREG(mode) else opening.kind_of(mode)
    return LotteryError(
        f"{path} is {kind}: a run has files and directories of its own alone; put the "
        "thing itself in its place, or remove it."
    )
