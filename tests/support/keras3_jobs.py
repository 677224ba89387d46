"""Jobs of Keras 3 in processes of their own, one backend each."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np

from tests.support import native_processes
from tests.support.places import ROOT

BATCH, CLASSES, LEVELS, RATE, REWIND = 10, 3, 2, 0.3, "3it"
# A row a backend. JAX and torch are no requirements of the package: CI installs both.
BACKENDS = [native_processes.on(name) for name in native_processes.BACKENDS]


def data(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Examples (size, 6) with labels that can be learnt."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 6)).astype("float32")
    return x, (x[:, 0] + x[:, 1] > 0).astype("int64") + (x[:, 2] > 1)


def start(
    job: str, backend: str, folder: pathlib.Path, of: str = "keras3_searches"
) -> Any:
    """Carries out a job of a module beside this one, on a backend."""
    return subprocess.run(
        [sys.executable, "-m", f"tests.support.{of}", job, str(folder)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **native_processes.environment(backend),
            # One thread, so that sums are of one order in every process.
            "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
            "OMP_NUM_THREADS": "1",
        },
    )


def told(
    job: str, backend: str, folder: pathlib.Path, of: str = "keras3_searches"
) -> dict[str, Any]:
    """What a job printed; fails with what it said where it did not end well."""
    ended = start(job, backend, folder, of)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found
