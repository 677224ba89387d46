"""A lock in an object store has one holder, and none when that one is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from lth_keras.errors import LotteryError
from lth_keras.runs import layout
from lth_keras.storage import claims, directories, files, leases, locks, paths
from lth_keras.storage.claims import Claim
from tests.support import stand_in_gcs
from tests.support.places import ROOT

ON_GS = pytest.param("gs", marks=pytest.mark.slow)


@pytest.fixture(params=["ram", ON_GS])
def root(request, tmp_path, monkeypatch) -> Iterator[str]:
    """A directory in TensorFlow's memory, and one in a stand-in of Google's store."""
    if request.param == "ram":
        yield f"ram://{tmp_path}/run"
        return
    with stand_in_gcs.Server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield f"gs://bucket{tmp_path}/run"


class Clock:
    """Time that passes when somebody sleeps, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now, self.meanwhile = 0.0, lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock of leases, which are looked at seldom and renewed by nobody."""
    monkeypatch.setattr(leases, "time", made := Clock())
    monkeypatch.setattr(leases, "LOOK", 30.0)
    monkeypatch.setattr(leases, "RENEWAL", 3600.0)
    return made


def place(root: str) -> str:
    return layout.RunDirectory(root).lock


def left(root: str, holder: str = "process 1 on elsewhere") -> Claim:
    """A claim of a process that was killed while it held the lock."""
    claim = Claim(place(root), "0" * 16, holder)
    paths.make_directory(root)
    claim.write(held=True)
    return claim


def whole(root: str, name: str) -> Claim:
    """A claim that is renewed meanwhile; on ram:// a look may come amid a write."""
    while (claim := claims.read(place(root), name)) is None:
        threading.Event().wait(0.001)
    return claim


def test_nothing_is_left_of_a_lock_that_was_given_back(root):
    with locks.lock(root):
        (name,) = paths.list_directory(place(root))
        claim = claims.read(place(root), name)
        assert claim is not None and claim.held
    assert paths.list_directory(place(root)) == []


def test_what_a_killed_holder_left_is_free_after_its_time(root, clock):
    left(root)
    with locks.lock(root):
        # On gs:// it was a moment old when it was seen.
        assert 0.9 * leases.LAPSE <= clock.now < 2 * leases.LAPSE
        assert len(paths.list_directory(place(root))) == 1


@pytest.mark.parametrize("root", ["gs"], indirect=True)
def test_what_was_left_long_ago_is_free_at_once_by_the_stores_own_clock(root, clock):
    claim = left(root)
    assert 0 <= claim.age() < leases.LAPSE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Claim, "age", lambda self: leases.LAPSE + 1)
        with locks.lock(root):
            assert clock.now == 0


def test_who_renews_its_claim_is_not_waited_for_any_longer(root, clock):
    claim = left(root)
    clock.meanwhile = lambda: claim.write(held=True)
    with (
        pytest.raises(locks.InUseError, match="in use by process 1 on elsewhere"),
        locks.lock(root),
    ):
        pass
    assert clock.now <= 30
    assert paths.list_directory(place(root)) == [claim.name]


def test_a_lock_is_held_for_as_long_as_it_is_renewed(root, clock, monkeypatch):
    monkeypatch.setattr(leases, "RENEWAL", 0.01)
    with locks.lock(root):
        (name,) = paths.list_directory(place(root))
        for _ in range(3):
            first = whole(root, name)
            clock.now += 0.9 * leases.LEASE
            while whole(root, name).sign == first.sign:
                threading.Event().wait(0.01)
        files.write_bytes(f"{root}/x", b"still here")


def test_who_could_not_renew_its_claim_writes_no_more(root, clock):
    with locks.lock(root):
        files.write_bytes(f"{root}/x", b"in time")
        clock.now += leases.LEASE
        with pytest.raises(LotteryError, match="another process may have taken over"):
            files.write_bytes(f"{root}/x", b"too late")
        with (
            pytest.raises(LotteryError, match="started again, it goes on"),
            directories.atomic_directory(f"{root}/ticket"),
        ):
            pass
        files.write_bytes(f"{root}_other/x", b"not of this lock")
    assert files.read_bytes(f"{root}/x") == b"in time"


def test_a_renewal_that_took_too_long_is_none(root, clock, monkeypatch):
    """Others may have taken over before it was written."""
    monkeypatch.setattr(leases, "RENEWAL", 0.01)
    write = Claim.write
    slow = threading.Event()

    def slowly(self: Claim, held: bool) -> None:
        write(self, held)
        if held and self._count > 2:
            clock.now += leases.LEASE
            slow.set()

    monkeypatch.setattr(Claim, "write", slowly)
    with locks.lock(root):
        assert slow.wait(60)
        with pytest.raises(LotteryError, match="another process may have taken over"):
            files.write_bytes(f"{root}/x", b"too late")


def test_who_was_paused_before_it_held_begins_anew(root, clock, monkeypatch):
    write = Claim.write
    written = []

    def paused(self: Claim, held: bool) -> None:
        written.append(self.name)
        clock.now += 0 if len(written) > 1 else 2 * leases.LEASE
        write(self, held)

    monkeypatch.setattr(Claim, "write", paused)
    with locks.lock(root):
        assert paths.list_directory(place(root)) == written[-1:]
    # Wanted, held too late, and both once more.
    assert len(written) == 4 and len(set(written)) == 2


def test_a_lock_of_an_earlier_version_is_respected(root):
    files.write_bytes(place(root), b"process 1 on elsewhere")
    with (
        pytest.raises(
            locks.InUseError,
            match=f"process 1 on elsewhere of an earlier version.*{place(root)}",
        ),
        locks.lock(root),
    ):
        pass


@pytest.mark.parametrize(("other", "waits"), [("f", 1), ("0", 0)])
def test_of_two_claims_at_once_the_lower_name_waits_and_the_higher_withdraws(
    root, clock, other, waits, monkeypatch
):
    monkeypatch.setattr(leases.secrets, "token_hex", lambda count: "a" * 16)
    rival = Claim(place(root), other * 16, "process 1 on elsewhere")
    seen = []
    write = Claim.write

    def both(self: Claim, held: bool) -> None:
        if self is not rival and not held and not seen:
            write(rival, held=False)  # Neither has looked yet.
        write(self, held)

    def meanwhile() -> None:
        seen.append(paths.list_directory(place(root)))
        rival.withdraw()

    monkeypatch.setattr(Claim, "write", both)
    clock.meanwhile = meanwhile
    with locks.lock(root):
        pass
    names = ["a" * 16] * waits + [other * 16]
    assert seen == [sorted(names)]


STARTER = """
    import sys
    from lth_keras.storage import leases, locks
    leases.RENEWAL, leases.LOOK, leases.LOOK_AGAIN = 0.2, 0.05, 0.02
    print("ready", flush=True)
    for line in sys.stdin:
        directory, = line.split()
        try:
            with locks.lock(directory):
                print("held", flush=True)
                sys.stdin.readline()
        except locks.InUseError as error:
            print("refused", flush=True)
            sys.stdin.readline()
        print("over", flush=True)
    """


@pytest.mark.slow
def test_of_two_processes_that_start_at_once_exactly_one_holds_in_100_tries(tmp_path):
    with stand_in_gcs.Server() as server:
        starters = [
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(STARTER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={**os.environ, **server.environment},
            )
            for _ in range(2)
        ]
        try:
            assert [s.stdout.readline() for s in starters] == ["ready\n"] * 2
            for number in range(100):
                for starter in starters:
                    starter.stdin.write(f"gs://bucket/{number}\n")
                    starter.stdin.flush()
                said = [starter.stdout.readline() for starter in starters]
                assert sorted(said) == ["held\n", "refused\n"], number
                for starter in starters:
                    starter.stdin.write("\n")
                    starter.stdin.flush()
                assert [s.stdout.readline() for s in starters] == ["over\n"] * 2
        finally:
            for starter in starters:
                starter.kill()
                starter.communicate()
