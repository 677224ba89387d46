"""How is an export loaded where nothing of ours can help it? In a process of its own.

`fresh_process` is the program that runs there. All exports of a call share one process,
in which the packages that are blocked cannot be imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lth_keras.errors import LotteryError
from lth_keras.export import fresh_process, surroundings
from lth_keras.export.cases import Written

# As if they were not installed: finders find nothing, rather than raise, since
# TensorFlow asks whether Keras is there.
_BOOTSTRAP = """\
import sys
sys.path[:] = {places!r}
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {blocked!r}:
            return self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import runpy
runpy.run_path({program!r}, run_name="fresh_process")["main"]({folder!r})
"""


def in_fresh_process(
    written: Sequence[Written], blocked: tuple[str, ...], timeout: float
) -> list[dict[str, Any]]:
    """What `fresh_process` found, one dict for each export."""
    with tempfile.TemporaryDirectory(prefix="lth_keras_verify_") as folder:
        job = []
        stored: dict[int, str] = {}
        for item in written:
            cases = []
            for case in item.cases:
                names = {}
                for kind, arrays in (
                    ("inputs", case.inputs),
                    ("outputs", case.outputs),
                ):
                    # The exports of one model mostly share their cases.
                    key = id(arrays)
                    if key not in stored:
                        stored[key] = f"arrays{len(stored)}.npz"
                        _store(os.path.join(folder, stored[key]), arrays)
                    names[kind] = stored[key]
                cases.append({"signature": case.signature, **names})
            job.append(
                {
                    "format": item.format,
                    "path": os.path.abspath(item.path),
                    "cases": cases,
                    "dense": item.dense and os.path.abspath(item.dense),
                    "free_batch": item.free_batch,
                }
            )
        with open(os.path.join(folder, "job.json"), "w", encoding="utf-8") as file:
            json.dump(job, file)
        program = bootstrap(fresh_process.__file__, folder, blocked)
        _run(program, folder, timeout)
        with open(os.path.join(folder, "found.json"), encoding="utf-8") as file:
            return list(json.load(file))


def bootstrap(program: str, folder: str, blocked: tuple[str, ...]) -> str:
    """What the process is started with: it makes packages impossible to import.

    Args:
        program: path of the program that it runs then.
        folder: what that program's `main` is called with.
        blocked: names of packages.
    """
    return _BOOTSTRAP.format(
        places=surroundings.module_places(sys.path),
        blocked=blocked,
        program=os.path.abspath(program),
        folder=folder,
    )


def _run(program: str, folder: str, timeout: float) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=folder,
            env=surroundings.environment(os.environ),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LotteryError(
            f"the process that verifies the export took over {timeout:.0f} s, and "
            "nothing was written: export where less else runs, or pass batch=, fewer "
            "examples."
        ) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise LotteryError(
            f"the process that verifies the export failed: {lines[-1][:300]} (exit "
            f"code {done.returncode}), and nothing was written: export where "
            f"{sys.executable} -c 'import tensorflow' works and memory is free."
        )


def _store(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    values: dict[str, Any] = {
        f"value{i}": _storable(v) for i, v in enumerate(arrays.values())
    }
    np.savez(path, names=np.array(list(arrays), dtype=np.str_), **values)


def _storable(value: Any) -> np.ndarray:
    """The array in a dtype that needs neither pickle nor a package to be read."""
    array = np.asarray(value)
    if array.dtype.kind == "O":
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in array.flat]
        return np.array(texts, np.str_).reshape(array.shape)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array if array.dtype.kind in "fiubU" else array.astype(np.float32)
