"""A claim to a lock in an object store: an object with a name of its own."""

from __future__ import annotations

import contextlib
import secrets

from lth_keras.errors import LotteryError
from lth_keras.storage import paths, remote

# Of one length, so that a length that TensorFlow remembers is right.
_LENGTH = 256
_HELD, _WANTED = "held", "want"


class Claim:
    """A claim of this process, or as it was read of another's.

    Args:
        place: directory of the lock's claims.
        name: of this one.
        holder: whose it is, in a few words.
        sign: what it holds.
    """

    def __init__(self, place: str, name: str, holder: str, sign: bytes = b""):
        self.name, self.holder, self.sign = name, holder, sign
        self._path = paths.join(place, name)
        self._place, self._count = place, 0

    @property
    def held(self) -> bool:
        """Whether its owner holds the lock."""
        return self.sign.startswith(_HELD.encode())

    def write(self, held: bool) -> None:
        """Writes it anew, with a number that says so.

        Raises:
            LotteryError: if it cannot be written.
        """
        self._count += 1
        said = f"{_HELD if held else _WANTED} {self._count:010d} {self.holder}"
        self.sign = said.encode()[:_LENGTH]
        _write(self._path, self.sign)

    def withdraw(self) -> None:
        """Removes it, if it is there."""
        remote.remove_quietly(self._path)

    def age(self) -> float:
        """Seconds since it was written, by the store's own clock; 0 if unknown."""
        probe = f"{self._place}-{paths.TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            with contextlib.suppress(LotteryError), paths.errors_naming(probe, "read"):
                _write(probe, b"")
                stat = remote.gfile().stat
                passed = stat(probe).mtime_nsec - stat(self._path).mtime_nsec
                return float(max(0, passed)) / 1e9
        finally:
            remote.remove_quietly(probe)
        return 0.0


def read(place: str, name: str) -> Claim | None:
    """A claim as it is now; None if it has gone.

    Args:
        place: directory of the lock's claims.
        name: of the claim.
    """
    try:
        with remote.gfile().GFile(paths.join(place, name), "rb") as file:
            sign = bytes(file.read()).rstrip()
    except Exception as error:
        if not remote.is_error(error):
            raise
        return None
    holder = " ".join(sign.decode(errors="replace").split()[2:])
    return Claim(place, name, holder, sign)


def _write(path: str, content: bytes) -> None:
    # No rename: an object appears whole when it is closed. In memory, which is this
    # process's own, what is written would be added to what is there.
    if path.startswith("ram://"):
        remote.remove_quietly(path)
    with paths.errors_naming(path, "write"), remote.gfile().GFile(path, "wb") as file:
        file.write(content.ljust(_LENGTH))
