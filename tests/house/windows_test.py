"""The package imports where Python has no `fcntl`, as on Windows."""

from __future__ import annotations

import pytest

from tests.support.processes import run_python

# Not to be had on Windows. Python's own asyncio and subprocess use them elsewhere, and
# so are imported before.
BLOCKED = """
    import asyncio, importlib, pkgutil, subprocess, sys, tempfile
    for name in ("fcntl", "grp", "pwd", "resource", "syslog", "termios", "tty"):
        sys.modules[name] = None
    """
IMPORT = """
    names = sys.argv[1:]
    for name in names:
        module = importlib.import_module(name)
        inside = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}.")
        for found in inside:
            importlib.import_module(found.name)
    """


def test_what_needs_numpy_alone_imports() -> None:
    done = run_python(
        BLOCKED + IMPORT, "lth_keras.errors", "lth_keras.pruning", "lth_keras.storage"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_everything_imports() -> None:
    done = run_python(BLOCKED + IMPORT, "lth_keras")
    assert done.returncode == 0, done.stderr


def test_a_lock_says_in_one_line_that_the_system_has_none() -> None:
    """As here, where a file's mere existence must not be taken for a lock."""
    done = run_python(
        BLOCKED
        + """
    from lth_keras.errors import LotteryError
    from lth_keras.storage import locks
    folder = tempfile.mkdtemp()
    try:
        with locks.lock(folder):
            print("held")
    except LotteryError as error:
        print(error)
        """
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("cannot lock ")
