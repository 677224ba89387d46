"""A lock in an object store that dies with its holder: a lease, renewed while it works.

`tf.io.gfile` has nothing that does a thing on a condition: its mkdir does ask gs:// to
make an object only where there is none, and then keeps the answer to itself. What every
store has is that an object appears whole, and that a list which begins later has it.
That is enough: whoever wants the lock writes a claim of its own, and *then* lists. It
holds the lock if that list has no other claim. Of any two, the one that wrote later
sees the other's, so two never hold it; and if both see each other, the lower name waits
and the higher one withdraws, so one does.

A claim is written anew every few seconds. One that is not for a minute and a half is
removed by who comes next, and its owner, should it only have been paused, has stopped
half a minute before. Times are spans of one machine's clock, or differences within the
store's own: clocks need not agree.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator

from lth_keras.errors import LotteryError
from lth_keras.storage import claims, paths
from lth_keras.storage.claims import Claim

# Seconds between renewals; that a holder works after one; and after which others take
# over, which leaves time for a write that was under way.
RENEWAL, LEASE, LAPSE = 15.0, 60.0, 90.0
# Seconds between two looks at what another holds, and at who wants it just now.
LOOK, LOOK_AGAIN = 2.0, 0.1


class HeldError(LotteryError):
    """Another holds the lease; the message names it, if it said who it is."""


class _Lease:
    """A claim of this process, which is renewed until `end`.

    Args:
        claim: that holds.
        until: the time of this machine's clock at which it ends unless renewed.
    """

    def __init__(self, claim: Claim, until: float):
        self._claim, self._until = claim, until
        self._ended = threading.Event()
        self._lost = False
        self._thread = threading.Thread(
            target=self._keep, name="lth_keras lease", daemon=True
        )
        self._thread.start()

    @property
    def holds(self) -> bool:
        """Whether nobody else can have taken over."""
        return not self._lost and time.monotonic() < self._until

    def end(self) -> None:
        """Gives it back; whoever comes next need not wait."""
        self._ended.set()
        self._thread.join()
        self._claim.withdraw()

    def _keep(self) -> None:
        while not self._ended.wait(RENEWAL):
            begun = time.monotonic()
            # What fails once may work the next time, while there is time.
            with contextlib.suppress(LotteryError):
                if self.holds:
                    self._claim.write(held=True)
                    # One that was so slow that others may have taken over is none.
                    if self.holds:
                        self._until = begun + LEASE
            if not self.holds:
                self._lost = True
                return


# Of this process, by the directory that is held; None while one is about to be taken.
_held: dict[str, _Lease | None] = {}
_choosing = threading.Lock()


@contextlib.contextmanager
def lease(directory: str, place: str, holder: str) -> Iterator[None]:
    """Holds a remote directory for a block.

    Args:
        directory: what is held.
        place: directory of its claims.
        holder: who this is, in a few words.

    Raises:
        HeldError: another holds it; where that one may be gone, after the time in
            which it would have renewed its claim.
    """
    with _choosing:
        if directory in _held:
            raise HeldError(holder)
        _held[directory] = None
    try:
        taken = _held[directory] = _Lease(*_take(place, holder))
        try:
            yield
        finally:
            taken.end()
    finally:
        del _held[directory]


def check(path: str) -> None:
    """Refuses to write where this process holds a lease no more.

    Raises:
        LotteryError: it was paused, or without a network, for too long.
    """
    for directory, taken in list(_held.items()):
        if taken and path.startswith(f"{directory}/") and not taken.holds:
            raise LotteryError(
                f"the lock of {directory} could not be renewed for {LEASE:.0f} s, and "
                "another process may have taken over: what is finished is stored; "
                "started again, it goes on."
            )


def _take(place: str, holder: str) -> tuple[Claim, float]:
    """A claim beside which there is no other, and when it ends."""
    mine: Claim | None = None
    until = 0.0
    others = _Others(place)
    try:
        while True:
            live = others.look(mine)
            if mine is None:
                if not live:
                    until = time.monotonic() + LEASE
                    mine = Claim(place, secrets.token_hex(8), holder)
                    mine.write(held=False)
                    continue
            elif not live:
                # What was written before a long pause may have been removed.
                mine.write(held=True)
                if time.monotonic() < until:
                    taken, mine = mine, None
                    return taken, until
                mine.withdraw()
                mine = None
                continue
            elif any(claim.held or claim.name < mine.name for claim in live):
                mine.withdraw()
                mine = None
            held = any(claim.held for claim in live)
            time.sleep(min(LOOK, LAPSE / 4) if held else LOOK_AGAIN)
    finally:
        if mine is not None:
            mine.withdraw()


class _Others:
    """The claims of others, from look to look.

    Args:
        place: directory of the claims.
    """

    def __init__(self, place: str):
        self._place = place
        # By name: as it was first seen, when, and how old it was then.
        self._first: dict[str, tuple[Claim, float, float]] = {}
        self._looked = False

    def look(self, mine: Claim | None) -> list[Claim]:
        """The claims of others that are not known to be of who is gone.

        Raises:
            HeldError: one holds that has done something since the first look.
        """
        live = []
        for name in paths.list_directory(self._place):
            if mine is not None and name == mine.name:
                continue
            claim = claims.read(self._place, name)
            if claim is None:  # Withdrawn since the list.
                continue
            if name not in self._first:
                age = claim.age() if not self._looked else 0.0
                self._first[name] = claim, time.monotonic(), age
                if self._looked and claim.held:
                    raise HeldError(claim.holder)
            first, since, age = self._first[name]
            if claim.sign != first.sign:
                if claim.held:
                    raise HeldError(claim.holder)
                self._first[name] = claim, time.monotonic(), 0.0
            elif age + time.monotonic() - since > LAPSE:
                claim.withdraw()
                continue
            live.append(claim)
        self._looked = True
        return live
