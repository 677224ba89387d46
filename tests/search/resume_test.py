"""Searches that are killed and started again, in processes of their own."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from lth_keras.storage import files, paths
from tests.support import small_search as small
from tests.support.places import ROOT

# Each run is a fork of one process that has imported everything and started nothing.
# The n-th act that shows on the disk is the last one of a killed run.
PROGRAM = """\
import os, sys
sys.path[:0] = {path!r}
jit, shares = sys.argv[1] == "jit", list(map(float, sys.argv[2:]))

import lth_keras as lth
from tests.support import small_search as small
from lth_keras.compat import keras

def search(directory, last):
    acts = 0
    def counted(function):
        def act(*arguments, **named):
            nonlocal acts
            for moment in "before", "after":
                acts += 1
                if acts == last:
                    os.kill(os.getpid(), 9)
                if moment == "before":
                    function(*arguments, **named)
        return act
    os.replace, os.rename, os.mkdir = map(counted, (os.replace, os.rename, os.mkdir))
    x, y = small.data()
    model = small.compiled(
        small.dense_model(dropout=0.3), keras.optimizers.Adam(0.01), jit_compile=jit
    )
    one = lth.LotterySearch(model, 2, directory, rewind_to="2it", seed=1)
    one.fit(
        x, y, batch_size=10, verbose=0, validation_data=small.data(30, 1),
        evaluate_every=2,
    )
    lth.controls.run(one, "random_reinit", levels=[2])
    return acts

def forked(directory, last):
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(send, str(search(directory, last)).encode())
        os._exit(0)
    os.close(send)
    said = os.read(receive, 100)
    os.close(receive)
    return os.waitpid(child, 0)[1], said

status, acts = forked("whole", 0)
assert status == 0, status
lasts = sorted({{max(1, round(share * int(acts))) for share in shares}})
for last in lasts:
    status, _ = forked(f"killed{{last}}", last)
    assert status == 9, (last, status)
    status, _ = forked(f"killed{{last}}", 0)
    assert status == 0, (last, status)
print("acts", int(acts))
"""


def run(tmp_path: pathlib.Path, *arguments: str):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(path=[str(ROOT)]))
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def without_seconds(directory: pathlib.Path) -> list[dict]:
    rows = files.read_jsonl(directory / "results.jsonl")
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def killed_then_finished(tmp_path: pathlib.Path, jit: str, shares: list[float]) -> None:
    """Compares runs killed at these shares of their acts with one that never was."""
    done = run(tmp_path, jit, *map(str, shares))
    assert done.returncode == 0, done.stderr
    whole, *killed = sorted(tmp_path.glob("*/"), key=lambda p: p.name != "whole")
    assert len(killed) >= len(shares) > 0
    for directory in killed:
        assert without_seconds(directory) == without_seconds(whole), directory.name
        assert small.lines(directory) == without_seconds(directory)
        assert small.fingerprints(directory) == small.fingerprints(whole)
        assert list(directory.rglob(paths.TEMPORARY_PREFIX + "*")) == []


def test_a_killed_search_ends_as_one_never_killed(tmp_path) -> None:
    """Rewinding to step 2, with dropout and a control, amid level 1's files."""
    killed_then_finished(tmp_path, "nojit", [0.6])


@pytest.mark.slow
@pytest.mark.parametrize("jit", ["nojit", "jit"])
def test_a_search_may_be_killed_at_any_of_its_writes(jit: str, tmp_path) -> None:
    count = 12 if jit == "nojit" else 4
    killed_then_finished(tmp_path, jit, [(n + 0.5) / count for n in range(count)])
